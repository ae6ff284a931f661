"""Tests of vqzip.container."""
