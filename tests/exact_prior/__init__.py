"""Tests of vqzip.exact_prior."""
