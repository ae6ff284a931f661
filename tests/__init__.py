"""Tests of vqzip, laid out like the package."""
