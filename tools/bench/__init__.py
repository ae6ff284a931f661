"""Timing scripts; run by hand, no tests."""
