"""The compiled backend: the walk over the codes of a level in C, called through ctypes."""
