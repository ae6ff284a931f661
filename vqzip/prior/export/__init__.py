"""Converts the float prior to integers."""
