"""Latents and codewords as integers, so that every machine chooses the same codewords.

A choice compares sums of products over the dimensions of a codeword. With floats, their last bits depend on
the order of summation; with integers whose sums stay below 2^53, they do not.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from vqzip.codes import CodebookChoice
from vqzip.errors import CodingError

_LARGEST_SUM_BITS = 52
"""One bit less than float64 has, because rounding to integers adds a little."""

_MOST_FRACTION_BITS = 100


@dataclass(frozen=True)
class WholeNumbers:
    """A choice between codewords in integers, stored as float64.

    Args:
        residuals: `(G, dim, H, W)`, the vectors to code.
        codewords: `(G, D, K, dim)`.
        unit: value of 1 in a squared distance.
    """

    residuals: NDArray[np.float64]
    codewords: NDArray[np.float64]
    unit: float


def whole_numbers(choice: CodebookChoice) -> WholeNumbers:
    """Return a choice with as many bits as sums allow: about 20 fraction bits for 64 dimensions.

    Raises:
        CodingError: a latent is not finite.
    """
    groups, depth, _, dim = choice.codebooks.shape
    codewords = choice.codebooks.astype(np.float64)
    residuals = choice.z_e.astype(np.float64).reshape(groups, dim, *choice.shape)
    largest_codeword = float(np.abs(codewords).max(initial=0))
    largest_latent = float(np.abs(residuals).max(initial=0))
    if not math.isfinite(largest_latent + largest_codeword):
        raise CodingError("latents and codewords must be finite numbers.")
    # What is left after the codewords of all depths, times a codeword, over all dimensions.
    largest_residual = largest_latent + depth * largest_codeword
    largest_sum = dim * largest_codeword * (largest_codeword + 2 * largest_residual)
    _, bits = math.frexp(largest_sum)
    fraction_bits = min((_LARGEST_SUM_BITS - 1 - bits) // 2, _MOST_FRACTION_BITS)
    scale = math.ldexp(1.0, fraction_bits)
    unit = math.ldexp(1.0, -2 * fraction_bits)
    return WholeNumbers(np.rint(residuals * scale), np.rint(codewords * scale), unit)
