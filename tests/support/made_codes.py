"""Codes of pictures that nobody encoded."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from vqzip.codes import Codes
from vqzip.quality import Quality


def made_codes(
    levels: Sequence[NDArray[np.int32]], *, quality: float = 1.0, gray: bool = False
) -> Codes:
    """Return levels `(G, D, H, W)` as codes of a picture whose size does not matter."""
    return Codes(1, 1, Quality.of(quality), gray, tuple(levels))
