"""A small picture that represents a large one while settings are searched."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from vqzip.pictures.picture import Picture

SIDE = 256
"""Side of the squares that are cut out, in pixels."""

SQUARES = 3
"""Number of squares in a row and in a column."""


def excerpt(
    picture: Picture, visible: NDArray[np.bool_] | None
) -> tuple[Picture, NDArray[np.bool_] | None]:
    """Return evenly spread squares of a picture as one picture, and which of its pixels count.

    Args:
        picture: its alpha and metadata are left out.
        visible: `(H, W)`, the pixels that count; None for all.
    """
    height, width = min(SIDE, picture.height), min(SIDE, picture.width)
    tops = np.linspace(0, picture.height - height, SQUARES).astype(int)
    lefts = np.linspace(0, picture.width - width, SQUARES).astype(int)
    rows = (tops[:, None] + np.arange(height)).ravel()
    columns = (lefts[:, None] + np.arange(width)).ravel()
    cut = np.ix_(rows, columns)
    return Picture(picture.pixels[cut]), None if visible is None else visible[cut]
