"""Fuzzing of everything that reads a .vqz file: `python -m tools.fuzz.run --help`."""
