"""Tests of vqzip.pictures."""
