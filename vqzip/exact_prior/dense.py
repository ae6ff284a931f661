"""Dense layers over integers, with proof that float64 carries them exactly.

A product of integers is summed by a float64 matrix product. As long as no partial sum can reach
2^53, every one of them is a float64, so neither the order of summation nor fused multiply-add can
change the result. The proof is made when a layer is built; a layer for which it fails is refused.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from vqzip.errors import ModelError

LARGEST_WEIGHT = 2047
"""Weights are integers of 12 bits."""

LARGEST_ACTIVATION = 2047
"""Activations, features and states are integers of 12 bits, in units of 1/256."""

LARGEST_SHIFT = 40

_EXACT = 2**53
_LEAK = 0.125
_THREADED_PRODUCTS = 1 << 18
"""OpenBLAS hands a matrix product of more multiplications than this to threads. Steps of the walk
are too small for that: on two busy cores a picture took six times as long."""
_PART_SIZE = 1 << 13
"""Weights are split by inputs into parts of about this size, so that blocks have 32 rows or more."""
_SMALLEST_PART = 16


@dataclass(frozen=True)
class IntegerDense:
    """A dense layer: floor((x · weight + bias[condition]) / 2^shift).

    Args:
        weight: `(in, out)` int16, within plus and minus 2047.
        bias: `(conditions, out)` int64; holds what makes floor round, where that is wanted.
        shift: `(out,)` int64, 0 to 40.
        name: for messages.

    Raises:
        ModelError: a tensor has the wrong type or range, or a sum could reach 2^53.
    """

    weight: NDArray[np.int16]
    bias: NDArray[np.int64]
    shift: NDArray[np.int64]
    name: str = "layer"
    _scaled_parts: list[tuple[slice, NDArray[np.float64]]] = field(
        init=False, repr=False, compare=False
    )
    _scaled_bias: NDArray[np.float64] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        self._check()
        # Powers of two scale without rounding, so the shift can be part of the weights: every
        # partial sum is then an integer below 2^53 over 2^shift.
        unit = np.ldexp(1.0, -self.shift)
        size = max(_SMALLEST_PART, _PART_SIZE // max(self.outputs, 1))
        parts = [slice(start, start + size) for start in range(0, self.inputs, size)]
        scaled = self.weight * unit
        object.__setattr__(self, "_scaled_parts", [(part, scaled[part]) for part in parts])
        object.__setattr__(self, "_scaled_bias", self.bias * unit)

    def _check(self) -> None:
        types = (self.weight.dtype, self.bias.dtype, self.shift.dtype)
        if types != (np.dtype(np.int16), np.dtype(np.int64), np.dtype(np.int64)):
            raise ModelError(f"{self.name}: weight, bias and shift have types {types}.")
        fit = self.weight.ndim == self.bias.ndim == 2 and len(self.bias) > 0
        if not fit or not self.weight.shape[1:] == self.bias.shape[1:] == self.shift.shape:
            raise ModelError(f"{self.name}: weight, bias and shift do not fit each other.")
        out = self.outputs
        if out and (self.shift.min() < 0 or self.shift.max() > LARGEST_SHIFT):
            raise ModelError(f"{self.name}: shifts must lie in 0..{LARGEST_SHIFT}.")
        magnitude = np.abs(self.weight.astype(np.int64))
        if magnitude.max(initial=0) > LARGEST_WEIGHT:
            raise ModelError(f"{self.name}: weights must lie within {LARGEST_WEIGHT} of zero.")
        # Python integers: the sum of two int64 might not be one.
        sums = (magnitude.sum(0) * LARGEST_ACTIVATION).tolist()
        low, high = self.bias.min(0).tolist(), self.bias.max(0).tolist()
        for channel in range(out):
            bound = sums[channel] + max(-low[channel], high[channel])
            if bound >= _EXACT:
                raise ModelError(
                    f"{self.name}: sums of channel {channel} may reach {bound}, "
                    f"beyond the 2^53 up to which they are exact."
                )

    @property
    def inputs(self) -> int:
        """Number of inputs."""
        return int(self.weight.shape[0])

    @property
    def outputs(self) -> int:
        """Number of outputs."""
        return int(self.weight.shape[1])

    def rows(self, rows: NDArray[np.intp] | slice) -> IntegerDense:
        """Return the layer over some of its inputs, in the order given."""
        return IntegerDense(self.weight[rows], self.bias, self.shift, self.name)

    def product(self, x: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return x · weight / 2^shift, exact and not yet rounded down.

        Args:
            x: `(n, in)` float64 holding integers within plus and minus 2047.

        Returns:
            `(n, out)` float64.
        """
        if not self._scaled_parts:
            return np.zeros((len(x), self.outputs))
        products = (_small_products(x[:, part], weight) for part, weight in self._scaled_parts)
        total = next(products)
        for product in products:
            total += product
        return total

    def sums(self, x: NDArray[np.float64], condition: int) -> NDArray[np.float64]:
        """Return (x · weight + bias[condition]) / 2^shift, exact and not yet rounded down."""
        sums: NDArray[np.float64] = self.product(x)
        sums += self._scaled_bias[condition]
        return sums


def _small_products(x: NDArray[np.float64], weight: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return x @ weight, in blocks of rows that no BLAS gives to threads."""
    inputs, outputs = weight.shape
    product = np.empty((len(x), outputs))
    rows = max(1, _THREADED_PRODUCTS // weight.size)
    blocks, left = divmod(len(x), rows)
    whole = blocks * rows
    if blocks:
        np.matmul(
            x[:whole].reshape(blocks, rows, inputs),
            weight,
            out=product[:whole].reshape(blocks, rows, outputs),
        )
    if left:
        np.matmul(x[whole:], weight, out=product[whole:])
    return product


def activate(sums: NDArray[np.float64], out: NDArray[np.float64]) -> None:
    """Round down, apply the leaky ReLU (slope 1/8, rounded down) and clip to 12 bits.

    floor(floor(v) / 8) = floor(v / 8), so the slope comes before the one rounding.

    Args:
        sums: `(n, out)` float64; overwritten.
        out: `(n, out)` float64; gets the integers.
    """
    np.maximum(sums, sums * _LEAK, out=sums)
    np.floor(sums, out=sums)
    np.minimum(sums, LARGEST_ACTIVATION, out=sums)
    np.maximum(sums, -LARGEST_ACTIVATION, out=out)
