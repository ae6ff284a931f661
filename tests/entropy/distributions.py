"""Rows of counts for tests, from even to as skewed as can be."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from vqzip.entropy.counts import TOTAL
from vqzip.prior.export.logistic_tables import round_to_counts


def random_counts(rng: np.random.Generator, rows: int, size: int) -> NDArray[np.int64]:
    """Return `(rows, size)` counts, some rows even, most skewed."""
    sharpness = rng.uniform(0, 30, (rows, 1))
    weights = np.exp(-sharpness * rng.random((rows, size)))
    counts = round_to_counts(weights / weights.sum(1, keepdims=True))
    if size > 1 and rows:
        counts[0] = 1
        counts[0, rng.integers(size)] += TOTAL - size
    return counts
