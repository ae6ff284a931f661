"""The reference backend: the prior of a level, run by NumPy."""
