"""Fuzzing of everything that reads a .vqz file: `python -m tests.fuzz.run --help`."""
