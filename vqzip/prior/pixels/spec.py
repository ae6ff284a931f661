"""The pixel prior in numbers; docs/reference/pixels.md explains them, and `source/pixel_model.h` repeats them."""

from __future__ import annotations

COARSE_STRIDE = 16
"""Samples whose row and column are multiples of this are coded first: the preview."""

TILE_LOG2 = 8
"""Tiles of 256 x 256 pixels know nothing of each other."""

DEPTHS = (8, 16)
"""Bits of a sample."""

OWN = (
    (0, -1), (-1, 0), (-1, -1), (-1, 1), (0, -2), (-2, 0),
    (-1, -2), (-1, 2), (-2, -1), (-2, 1), (0, -3), (-3, 0),
)  # fmt: skip
"""(dy, dx) of the neighbors in the own plane."""

OTHER = ((0, 0), (0, -1), (-1, 0), (0, 1), (1, 0), (-1, 1), (-1, -1), (1, -1), (1, 1))
"""(dy, dx) of the neighbors in a plane that was coded before; the second such plane has the first seven."""

FAR = ((0, -3), (-1, -2), (-1, 2), (-2, -1), (-2, 1), (-2, 2), (-2, -2), (-3, 0))
"""(dy, dx) of the errors farther away."""

INPUTS = (12, 21, 28)
"""Inputs of the predictor of each plane."""

MOST_INPUTS = 28

FEATURES = (29, 49, 69)
"""Features that the network of each plane sees."""

LARGEST_FEATURE = 1023

MIXED = 3
"""Logistic distributions in a mixture."""

EXPECTATIONS, WIDTHS, LOGISTIC = 96, 256, 2048
"""Entries of the tables."""

UNIT = 64
"""Predictions and errors are in 1/64."""

POINT_BITS = 24

MEMORY, PRIOR_BITS, WEIGHT_BITS, LARGEST_WEIGHT = 10, 20, 16, 1 << 18
"""Of the predictor: see `predictor.h`."""

REPEATS, FIRST_SHARE, LEAST_SHARE, SLOWEST = 32, 1311, 33, 32
"""Of samples that repeat a neighbor: see `pixel_repeat.h`."""
