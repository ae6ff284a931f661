"""Integer logits to integer counts: a softmax that is the same on every machine.

The entropy coder takes a distribution as a row of counts: each count is at least 1, and the sum of a
row is 2^16. The computation uses no exp, no log and no float division.
"""

from __future__ import annotations

import functools
import math

import numpy as np
from numpy.typing import NDArray

TOTAL_BITS = 16
TOTAL = 1 << TOTAL_BITS
"""Sum of a row of counts."""

LOGIT_FRACTION_BITS = 8
"""Logits are base-2 logarithms in units of 2^-8."""

LARGEST_LOGIT = 32767
"""Logits are clipped to this magnitude before they become counts."""

LARGEST_ALPHABET = 1 << 15
"""With more codewords, too little of the 2^16 would be left to distinguish them."""

_EXP2_BITS = 30


@functools.lru_cache(maxsize=1)
def exp2_table() -> NDArray[np.int64]:
    """Return floor(2^(30 - f/256)) for f = 0..255, `(256,) int64`, computed with integers only.

    floor(2^(30 - f/256)) is the 256th root of 2^(30·256 - f), rounded down; a 256th root is eight
    square roots, and rounding down after each of them does not change the result.
    """
    table = []
    for fraction in range(256):
        root = 1 << (_EXP2_BITS * 256 - fraction)
        for _ in range(8):
            root = math.isqrt(root)
        table.append(root)
    return np.array(table, np.int64)


def counts_from_logits(logits: NDArray[np.int64]) -> NDArray[np.int64]:
    """Turn logits into counts, row by row.

    Args:
        logits: `(..., K)` int64, base-2 logarithms in units of 2^-8, K from 1 to 32768.

    Returns:
        `(..., K)` int64 counts: at least 1, sum 65536 in each row. The rest from
        rounding is added to the largest count, at the lowest index on a tie.
    """
    logits = np.clip(logits, -LARGEST_LOGIT, LARGEST_LOGIT)
    below_best = logits.max(-1, keepdims=True) - logits
    # A shift of 63 already gives 0; NumPy does not define longer shifts.
    shift = np.minimum(below_best >> LOGIT_FRACTION_BITS, 63)
    weight = exp2_table()[below_best & 255] >> shift
    spread = TOTAL - logits.shape[-1]
    counts: NDArray[np.int64] = 1 + weight * spread // weight.sum(-1, keepdims=True)
    best = counts.argmax(-1)[..., None]
    left_over = TOTAL - counts.sum(-1, keepdims=True)
    np.put_along_axis(counts, best, np.take_along_axis(counts, best, -1) + left_over, -1)
    return counts


@functools.lru_cache(maxsize=1)
def bits_of_count() -> NDArray[np.float64]:
    """Return -log2(count / 65536) for count = 0..65536 (infinite at 0), `(65537,) float64`.

    Only for estimates and reports; nothing that is coded depends on it.
    """
    bits = np.full(TOTAL + 1, np.inf)
    bits[1:] = TOTAL_BITS - np.log2(np.arange(1, TOTAL + 1, dtype=np.float64))
    return bits
