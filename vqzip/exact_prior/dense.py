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
    _scaled_weight: NDArray[np.float64] = field(init=False, repr=False, compare=False)
    _scaled_bias: NDArray[np.float64] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        self._check()
        # Powers of two scale without rounding, so the shift can be part of the weights: every
        # partial sum is then an integer below 2^53 over 2^shift.
        unit = 2.0**-self.shift
        object.__setattr__(self, "_scaled_weight", self.weight * unit)
        object.__setattr__(self, "_scaled_bias", self.bias * unit)

    def _check(self) -> None:
        types = (self.weight.dtype, self.bias.dtype, self.shift.dtype)
        if types != (np.dtype(np.int16), np.dtype(np.int64), np.dtype(np.int64)):
            raise ModelError(f"{self.name}: weight, bias and shift have types {types}.")
        out = self.weight.shape[-1]
        if self.weight.ndim != 2 or self.bias.shape[1:] != (out,) or self.shift.shape != (out,):
            raise ModelError(f"{self.name}: weight, bias and shift do not fit each other.")
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
        product: NDArray[np.float64] = x @ self._scaled_weight
        return product

    def sums(self, x: NDArray[np.float64], condition: int) -> NDArray[np.float64]:
        """Return (x · weight + bias[condition]) / 2^shift, exact and not yet rounded down."""
        sums: NDArray[np.float64] = self.product(x)
        sums += self._scaled_bias[condition]
        return sums


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
