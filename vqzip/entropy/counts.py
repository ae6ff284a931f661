"""Integer logits to integer counts: a softmax that is the same on every machine.

A row of counts is what the entropy coder understands as a distribution: each count is at least 1
and a row sums to 2^16. No exp, log or float division takes part.
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
"""Logits are clipped to plus and minus this number before they become counts."""

LARGEST_ALPHABET = 1 << 15
"""More codewords than this would leave too little of the 2^16 to tell them apart."""

_EXP2_BITS = 30


@functools.lru_cache(maxsize=1)
def exp2_table() -> NDArray[np.int64]:
    """Return floor(2^(30 - f/256)) for f = 0..255, `(256,) int64`, made with integers alone.

    floor(2^(30 - f/256)) is the 256th root of 2^(30·256 - f), rounded down; a 256th root is eight
    square roots, and rounding down in between changes nothing.
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
        `(..., K)` int64 counts: at least 1, sum 65536 in each row. What rounding leaves over goes
        to the largest count, the lowest index on a tie.
    """
    logits = np.clip(logits, -LARGEST_LOGIT, LARGEST_LOGIT)
    below_best = logits.max(-1, keepdims=True) - logits
    # A shift of 63 already makes 0; NumPy leaves longer ones undefined.
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

    Only estimates and reports use it; no coded number depends on it.
    """
    bits = np.full(TOTAL + 1, np.inf)
    bits[1:] = TOTAL_BITS - np.log2(np.arange(1, TOTAL + 1, dtype=np.float64))
    return bits
