"""Entropy coding: integer counts, symbols of grids, rANS; knows no map and no network."""
