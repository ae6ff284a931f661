"""Gated PixelCNNs (van den Oord et al. 2016), with or without classes."""
