"""Dense layers over integers, with proof that floats carry them exactly.

A product of integers is summed by a float matrix product. As long as no partial sum can reach 2^24,
every one of them is a float32, and up to 2^53 a float64, so neither the order of summation nor fused
multiply-add can change the result. The proof is made when a layer is built: it takes float32 where
that is exact, for it is twice as fast, else float64; a layer that fits neither is refused.
"""

from __future__ import annotations

from dataclasses import InitVar, dataclass, field

import numpy as np
from numpy.typing import NDArray

from vqzip.errors import ModelError

LARGEST_WEIGHT = 2047
"""Weights are integers of 12 bits."""

LARGEST_ACTIVATION = 2047
"""Activations, features and states are integers of 12 bits, in units of 1/256."""

LARGEST_SHIFT = 40

EXACT_FLOAT32 = 2**24
EXACT_FLOAT64 = 2**53

Floats = NDArray[np.float32 | np.float64]
"""Integers over a power of two: sums, in the floats that carry them."""

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
        largest_input: what the inputs keep within, plus and minus: `(in,)` int64, or one for all.
        whole: the layer that this one has some inputs of; its sums must be carried, too.

    Attributes:
        carrier: the floats that sums are made of: float32 where that is proved exact, else float64.

    Raises:
        ModelError: a tensor has the wrong type or range, or a sum could reach 2^53.
    """

    weight: NDArray[np.int16]
    bias: NDArray[np.int64]
    shift: NDArray[np.int64]
    name: str = "layer"
    largest_input: NDArray[np.int64] | int = LARGEST_ACTIVATION
    whole: InitVar[IntegerDense | None] = None
    carrier: type[np.float32 | np.float64] = field(init=False)
    _scaled_parts: list[tuple[slice, Floats]] = field(init=False, repr=False, compare=False)
    _scaled_bias: Floats = field(init=False, repr=False, compare=False)

    def __post_init__(self, whole: IntegerDense | None) -> None:
        self._check()
        largest_sum = self._largest_sum()
        carrier = np.float32 if largest_sum < EXACT_FLOAT32 else np.float64
        object.__setattr__(self, "carrier", whole.carrier if whole else carrier)
        # Powers of two scale without rounding, so the shift can be part of the weights: every
        # partial sum is then an integer that the carrier holds, over 2^shift.
        unit = np.ldexp(1.0, -self.shift)
        size = max(_SMALLEST_PART, _PART_SIZE // max(self.outputs, 1))
        parts = [slice(start, start + size) for start in range(0, self.inputs, size)]
        scaled = (self.weight * unit).astype(self.carrier)
        object.__setattr__(self, "_scaled_parts", [(part, scaled[part]) for part in parts])
        object.__setattr__(self, "_scaled_bias", (self.bias * unit).astype(self.carrier))

    def _check(self) -> None:
        types = (self.weight.dtype, self.bias.dtype, self.shift.dtype)
        if types != (np.dtype(np.int16), np.dtype(np.int64), np.dtype(np.int64)):
            raise ModelError(f"{self.name}: weight, bias and shift have types {types}.")
        fit = self.weight.ndim == self.bias.ndim == 2 and len(self.bias) > 0
        if not fit or not self.weight.shape[1:] == self.bias.shape[1:] == self.shift.shape:
            raise ModelError(f"{self.name}: weight, bias and shift do not fit each other.")
        if self.outputs and (self.shift.min() < 0 or self.shift.max() > LARGEST_SHIFT):
            raise ModelError(f"{self.name}: shifts must lie in 0..{LARGEST_SHIFT}.")
        if np.abs(self.weight.astype(np.int64)).max(initial=0) > LARGEST_WEIGHT:
            raise ModelError(f"{self.name}: weights must lie within {LARGEST_WEIGHT} of zero.")

    def _largest_sum(self) -> int:
        """Return what no partial sum of any channel can exceed, in units of 2^-shift.

        Raises:
            ModelError: not even float64 carries it.
        """
        magnitude = np.abs(self.weight.astype(np.int64))
        largest_input = np.broadcast_to(self.largest_input, self.inputs)
        # Python integers: the sum of two int64 might not be one.
        sums = (largest_input @ magnitude).tolist()
        low, high = self.bias.min(0).tolist(), self.bias.max(0).tolist()
        largest = 0
        for channel in range(self.outputs):
            bound = sums[channel] + max(-low[channel], high[channel])
            if bound >= EXACT_FLOAT64:
                raise ModelError(
                    f"{self.name}: sums of channel {channel} may reach {bound}, "
                    "beyond the 2^53 that float64 holds."
                )
            largest = max(largest, bound)
        return largest

    @property
    def inputs(self) -> int:
        """Number of inputs."""
        return int(self.weight.shape[0])

    @property
    def outputs(self) -> int:
        """Number of outputs."""
        return int(self.weight.shape[1])

    def rows(self, rows: NDArray[np.intp] | slice) -> IntegerDense:
        """Return the layer over some of its inputs, in the order given.

        Products of such parts may be added: the sum is as exact as the whole layer's.
        """
        largest_input = np.broadcast_to(self.largest_input, self.inputs)[rows]
        return IntegerDense(
            self.weight[rows], self.bias, self.shift, self.name, largest_input, whole=self
        )

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
    """Return x @ weight, in blocks of rows that no BLAS gives to threads."""
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

    floor(floor(v) / 8) = floor(v / 8), so the slope comes before the one rounding.

    Args:
        sums: `(n, out)` floats; overwritten.
        out: `(n, out)` where the integers go, if not to a new array.
    """
    np.maximum(sums, sums * _LEAK, out=sums)
    np.floor(sums, out=sums)
    if out is None:
        out = np.empty(sums.shape, np.float32)
    return sums.clip(-LARGEST_ACTIVATION, LARGEST_ACTIVATION, out=out)
