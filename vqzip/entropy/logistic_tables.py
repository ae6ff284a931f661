"""Tables of the logistic head: the counts of symbols, part of a model."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from vqzip.entropy.counts import TOTAL
from vqzip.errors import ModelError

SCALES = 64
"""Number of scales of the logistic head."""

MEAN_FRACTION = 16
"""Means are integers in units of 1/16 step."""

NARROW_RADIUS = 1

WIDE_RADIUS = 14

LARGEST_LOW_BITS = 15

LARGEST_ESCAPE_ORDER = 15


@dataclass(frozen=True)
class LogisticTables:
    """Counts of the logistic head, part of a model.

    Args:
        wide: `(64, 16, 31)` int64, counts by scale, sixteenths of the mean, symbol.
        narrow: `(n0, 16, 5)` int64, the same for the first n0 scales, n0 from 0 to 64.
        low_bits: `(64,)` int64, raw bits below a wide symbol; 0 for the narrow scales.
        escape_order: `(64,)` int64, order of the Exp-Golomb code of an escape.

    Raises:
        ModelError: a table has the wrong shape or an impossible entry.
    """

    wide: NDArray[np.int64]
    narrow: NDArray[np.int64]
    low_bits: NDArray[np.int64]
    escape_order: NDArray[np.int64]

    def __post_init__(self) -> None:
        narrow_scales = min(self.narrow.shape[0], SCALES) if self.narrow.ndim else 0
        _check_counts("wide", self.wide, SCALES, 2 * WIDE_RADIUS + 3)
        _check_counts("narrow", self.narrow, narrow_scales, 2 * NARROW_RADIUS + 3)
        _check_small("low_bits", self.low_bits, LARGEST_LOW_BITS)
        _check_small("escape_order", self.escape_order, LARGEST_ESCAPE_ORDER)
        if self.low_bits[:narrow_scales].any():
            raise ModelError("table 'low_bits' must be 0 for the narrow scales.")


def _check_counts(name: str, table: NDArray[np.int64], scales: int, alphabet: int) -> None:
    if table.shape != (scales, MEAN_FRACTION, alphabet) or table.dtype != np.int64:
        raise ModelError(f"table '{name}' has shape {table.shape} and type {table.dtype}.")
    # The upper bound prevents a sum that overflows int64 and wraps to the right value.
    if (table < 1).any() or (table > TOTAL).any() or (table.sum(-1) != TOTAL).any():
        raise ModelError(f"table '{name}' has a row that does not sum to {TOTAL}.")


def _check_small(name: str, table: NDArray[np.int64], largest: int) -> None:
    if table.shape != (SCALES,) or table.dtype != np.int64:
        raise ModelError(f"table '{name}' has shape {table.shape} and type {table.dtype}.")
    if table.min() < 0 or table.max() > largest:
        raise ModelError(f"table '{name}' has an entry outside 0..{largest}.")
