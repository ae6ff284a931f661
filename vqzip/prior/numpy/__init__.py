"""The reference backend, which runs the prior of a level with NumPy."""
