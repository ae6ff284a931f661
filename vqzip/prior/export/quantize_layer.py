"""Converts a float layer of the prior to integers."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from vqzip.errors import TrainingError
from vqzip.prior.exact.dense import LARGEST_WEIGHT
from vqzip.prior.spec import FRACTION_BITS

_LARGEST_WEIGHT_BITS = 24


def quantize_dense(
    weight: NDArray[np.float64],
    bias: NDArray[np.float64],
    output_fraction_bits: NDArray[np.int64],
) -> dict[str, NDArray[np.generic]]:
    """Round a dense layer to the tensors of `IntegerDense`.

    Every output channel gets the largest power of two 2^s (s from 0 to 24) with which its weights
    still have 12 bits. Inputs have 8 fraction bits, so sums have 8 + s, and the shift is what they
    have more than the output should have.

    Args:
        weight: `(in, out)` float64.
        bias: `(conditions, out)` float64.
        output_fraction_bits: `(out,)` int64, 0 to 8.

    Returns:
        `weight` int16, `bias` int64 and `shift` int64; half a unit of the output is part of the
        bias, so that rounding down rounds to the nearest.

    Raises:
        TrainingError: a weight is not finite or too large for 12 bits even with s = 0.
    """
    if not (np.isfinite(weight).all() and np.isfinite(bias).all()):
        raise TrainingError("a layer of the prior is not finite; lower the learning rate.")
    powers = np.arange(_LARGEST_WEIGHT_BITS + 1)
    largest = np.abs(weight).max(0, initial=0.0)
    fits = np.rint(largest * 2.0 ** powers[:, None]) <= LARGEST_WEIGHT
    if not fits[0].all():
        raise TrainingError(
            f"a weight of the prior exceeds {LARGEST_WEIGHT}; lower the learning rate."
        )
    weight_bits = fits.sum(0) - 1
    shift = weight_bits + FRACTION_BITS - output_fraction_bits
    if (shift < 0).any():
        raise TrainingError("outputs of an integer layer have at most 8 fraction bits.")
    scale = 2.0**weight_bits
    half = np.where(shift > 0, 1 << np.maximum(shift - 1, 0), 0)
    rounded_bias = np.rint(bias * scale * 2.0**FRACTION_BITS).astype(np.int64)
    return {
        "weight": np.rint(weight * scale).astype(np.int16),
        "bias": rounded_bias + half,
        "shift": shift.astype(np.int64),
    }
