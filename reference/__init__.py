"""A second decoder of .vqz files, in plain Python, which imports nothing of vqzip."""
