"""Quantizers, and how codewords follow the data."""
