"""Comparisons of measurements."""
