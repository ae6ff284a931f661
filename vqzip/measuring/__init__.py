"""Measuring: distortion, rate and time of models and of the codecs they are compared with."""
