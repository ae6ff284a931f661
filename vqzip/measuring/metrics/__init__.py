"""Metrics of decoded pictures: how each is computed, scaled and named in results."""
