"""Measuring: distortion, rate and time of models and of other codecs."""
