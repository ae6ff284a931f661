"""Comparisons of what was measured."""
