"""Entropy coding: integer counts, symbols of grids, rANS; knows neither maps nor networks."""
