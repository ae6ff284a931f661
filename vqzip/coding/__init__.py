"""Entropy coding: integer counts, the order of the codes, rANS; knows no network."""
