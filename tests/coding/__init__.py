"""Tests of vqzip.coding."""
