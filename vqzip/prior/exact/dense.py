"""Dense layers over integers, with proof that floats carry their sums exactly.

Products of integers are summed by a float matrix product. Below 2^24, every partial sum is exact in float32,
and below 2^53 in float64, so neither the order of summation nor fused multiply-add can change the result.
This is proved when a layer is built. It uses float32 if that is exact, because it is twice as fast, else
float64; a layer that fits neither is refused.
"""

from __future__ import annotations

from dataclasses import InitVar, dataclass, field

import numpy as np
from numpy.typing import NDArray

from vqzip.errors import ModelError
from vqzip.prior.spec import LARGEST_ACTIVATION

LARGEST_WEIGHT = 2047
"""Weights are integers of 12 bits."""

LARGEST_SHIFT = 40

EXACT_FLOAT32 = 2**24
EXACT_FLOAT64 = 2**53


@dataclass(frozen=True)
class IntegerDense:
    """A dense layer: floor((x · weight + bias[condition]) / 2^shift).

    Args:
        weight: `(in, out)` int16, within plus and minus 2047.
        bias: `(conditions, out)` int64; includes the half unit that makes floor round, if wanted.
        shift: `(out,)` int64, 0 to 40.
        name: for messages.
        largest_input: largest magnitude of the inputs: `(in,)` int64, or one for all.
        whole: the layer that this one is a part of; its sums must be exact, too.

    Attributes:
        carrier: type of the sums: float32 if that is proved exact, else float64.

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

    def __post_init__(self, whole: IntegerDense | None) -> None:
        self._check()
        largest_sum = self._largest_sum()
        carrier = np.float32 if largest_sum < EXACT_FLOAT32 else np.float64
        object.__setattr__(self, "carrier", whole.carrier if whole else carrier)

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
        """Return a bound of all partial sums of all channels, in units of 2^-shift.

        Raises:
            ModelError: it is too large even for float64.
        """
        magnitude = np.abs(self.weight.astype(np.int64))
        largest_input = np.broadcast_to(self.largest_input, self.inputs)
        # Python integers, because the sum of two int64 may overflow.
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
