"""The phase that trains the networks around a wavelet and the prior together."""
