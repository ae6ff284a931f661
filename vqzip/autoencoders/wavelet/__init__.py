"""The wavelet and the networks around it."""
