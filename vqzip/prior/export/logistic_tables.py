"""Tables of the logistic head: the distribution of a discretized logistic over symbols, as counts.

The tables are computed once, in floats, and stored in the model folder; coding only reads them. The
distribution of a code is a mixture of two logistics with one mean, so that an unlikely code does not cost
too many bits (PixelCNN++, Salimans et al. 2017, equation 2, with two components).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from vqzip.entropy.counts import TOTAL
from vqzip.entropy.logistic_tables import (
    LARGEST_LOW_BITS,
    MEAN_FRACTION,
    NARROW_RADIUS,
    SCALES,
    WIDE_RADIUS,
)
from vqzip.errors import TrainingError

LARGEST_NARROW_SCALE = 0.2
"""Scales up to this many steps use the alphabet of five symbols."""

LARGEST_WINDOW_SCALE = 3.0
"""Low bits are split off until the scale is at most this many units of a wide symbol."""


def logistic_tables(
    scales: NDArray[np.float64], tail_weight: float, tail_factor: float
) -> dict[str, NDArray[np.int64]]:
    """Make the tables of `LogisticTables`.

    Args:
        scales: `(64,)` float64 in units of the step, rising, above 0.
        tail_weight: weight of the wider logistic, 0 to 1.
        tail_factor: its scale in units of the other's.

    Returns:
        `tables.wide`, `tables.narrow`, `tables.low_bits`, `tables.escape_order`, int64.

    Raises:
        TrainingError: the scales do not rise, or are too large for the format.
    """
    if scales.shape != (SCALES,) or scales[0] <= 0 or (np.diff(scales) <= 0).any():
        raise TrainingError(f"the logistic head needs {SCALES} rising scales above 0.")
    low_bits = np.maximum(np.ceil(np.log2(scales / LARGEST_WINDOW_SCALE)), 0).astype(np.int64)
    if low_bits[-1] > LARGEST_LOW_BITS:
        raise TrainingError(f"the largest scale must be at most 3 * 2^{LARGEST_LOW_BITS} steps.")
    narrow = max(1, int((scales <= LARGEST_NARROW_SCALE).sum()))
    low_bits[:narrow] = 0
    unit: NDArray[np.float64] = np.exp2(low_bits.astype(np.float64))
    escape_order = (scales / unit > 1).astype(np.int64)
    escape_order[:narrow] = 0
    return {
        "tables.wide": _counts(scales, unit, WIDE_RADIUS, tail_weight, tail_factor),
        "tables.narrow": _counts(
            scales[:narrow], unit[:narrow], NARROW_RADIUS, tail_weight, tail_factor
        ),
        "tables.low_bits": low_bits,
        "tables.escape_order": escape_order,
    }


def _counts(
    scales: NDArray[np.float64],
    unit: NDArray[np.float64],
    radius: int,
    tail_weight: float,
    tail_factor: float,
) -> NDArray[np.int64]:
    """Return counts `(S, 16, 2 * radius + 3)` of [escape low, -radius..radius, escape high]."""
    # Symbol hi stands for the values hi * unit .. (hi + 1) * unit - 1.
    edges = np.arange(-radius, radius + 2) * unit[:, None] - 0.5
    means = (np.arange(MEAN_FRACTION) - MEAN_FRACTION / 2) / MEAN_FRACTION
    distance = edges[:, None, :] - means[None, :, None]
    main = _interval_probabilities(distance / scales[:, None, None])
    tail = _interval_probabilities(distance / (tail_factor * scales[:, None, None]))
    return round_to_counts((1 - tail_weight) * main + tail_weight * tail)


def _interval_probabilities(edges: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the mass of a standard logistic between edges, and outside the first and last.

    Args:
        edges: `(..., E)`, rising.

    Returns:
        `(..., E + 1)`; above 0 the upper tail is used, so that small masses stay precise.
    """
    infinite = np.full_like(edges[..., :1], np.inf)
    edges = np.concatenate([-infinite, edges, infinite], axis=-1)
    low, high = edges[..., :-1], edges[..., 1:]
    upper_half = low > 0
    start, stop = np.where(upper_half, -high, low), np.where(upper_half, -low, high)
    return _sigmoid(stop) - _sigmoid(start)


def _sigmoid(x: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return 1 / (1 + exp(-x)) without overflow."""
    small = np.exp(-np.abs(x))
    return np.where(x >= 0, 1.0, small) / (1.0 + small)


def round_to_counts(probabilities: NDArray[np.float64]) -> NDArray[np.int64]:
    """Return counts of at least 1 that sum to 2^16, by largest remainder.

    Args:
        probabilities: `(..., K)`, rows that sum to about 1.
    """
    size = probabilities.shape[-1]
    share = probabilities / probabilities.sum(-1, keepdims=True) * (TOTAL - size)
    counts = np.floor(share).astype(np.int64)
    left_over = TOTAL - size - counts.sum(-1, keepdims=True)
    rank = np.argsort(np.argsort(counts - share, axis=-1, kind="stable"), axis=-1)
    rounded: NDArray[np.int64] = counts + 1 + (rank < left_over)
    return rounded
