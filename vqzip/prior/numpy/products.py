"""Matrix products of integers, carried exactly by floats."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from vqzip.prior.exact.dense import IntegerDense
from vqzip.prior.spec import LARGEST_ACTIVATION, LEAK

Floats = NDArray[np.float32 | np.float64]
"""Integers over a power of two: sums, in the floats that carry them."""

_THREADED_PRODUCTS = 1 << 18
"""OpenBLAS uses threads for matrix products with more multiplications. Steps of the walk are too small for
threads: on two busy cores, a picture took six times as long."""
_PART_SIZE = 1 << 13
"""Weights are split by inputs into parts of about this size, so that blocks have 32 rows or more."""
_SMALLEST_PART = 16


class DenseProducts:
    """Computes a dense layer.

    Args:
        layer: its weights, biases and shifts.
    """

    def __init__(self, layer: IntegerDense) -> None:
        self.inputs, self.outputs, self.carrier = layer.inputs, layer.outputs, layer.carrier
        # Powers of two scale without rounding, so the shift can be part of the weights: every
        # partial sum is then an exact integer over 2^shift.
        unit = np.ldexp(1.0, -layer.shift)
        size = max(_SMALLEST_PART, _PART_SIZE // max(self.outputs, 1))
        parts = [slice(start, start + size) for start in range(0, self.inputs, size)]
        scaled: Floats = (layer.weight * unit).astype(self.carrier)
        self._scaled_parts = [(part, scaled[part]) for part in parts]
        self._scaled_bias = (layer.bias * unit).astype(self.carrier)

    def product(self, x: Floats) -> Floats:
        """Return x · weight / 2^shift, exact and not yet rounded down.

        Args:
            x: `(n, in)` floats holding integers within plus and minus `largest_input`.

        Returns:
            `(n, out)` of the type `carrier`.
        """
        if not self._scaled_parts:
            return np.zeros((len(x), self.outputs), self.carrier)
        x = x.astype(self.carrier, copy=False)
        (first, weight), *others = self._scaled_parts
        total = _small_products(x[:, first], weight)
        for part, weight in others:
            total += _small_products(x[:, part], weight)
        return total

    def sums(self, x: Floats, condition: int) -> Floats:
        """Return (x · weight + bias[condition]) / 2^shift, exact and not yet rounded down."""
        sums = self.product(x)
        sums += self._scaled_bias[condition]
        return sums


def _small_products(x: Floats, weight: Floats) -> Floats:
    """Return x @ weight, in blocks of rows that are too small for BLAS threads."""
    rows = max(1, _THREADED_PRODUCTS // weight.size)
    if len(x) <= rows:
        return x @ weight
    inputs, outputs = weight.shape
    product = np.empty((len(x), outputs), weight.dtype)
    whole = len(x) // rows * rows
    np.matmul(
        x[:whole].reshape(-1, rows, inputs),
        weight,
        out=product[:whole].reshape(-1, rows, outputs),
    )
    if whole < len(x):
        np.matmul(x[whole:], weight, out=product[whole:])
    return product


def activate(sums: Floats, out: NDArray[np.float32] | None = None) -> NDArray[np.float32]:
    """Round down, apply the leaky ReLU (slope 1/8, rounded down) and clip to 12 bits.

    floor(floor(v) / 8) = floor(v / 8), so the slope is applied before rounding once.

    Args:
        sums: `(n, out)` floats; overwritten.
        out: `(n, out)` array for the result; None creates one.
    """
    np.maximum(sums, sums * LEAK, out=sums)
    np.floor(sums, out=sums)
    if out is None:
        out = np.empty(sums.shape, np.float32)
    return sums.clip(-LARGEST_ACTIVATION, LARGEST_ACTIVATION, out=out)
