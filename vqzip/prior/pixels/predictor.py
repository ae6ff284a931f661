"""A linear predictor that learns from every sample: recursive least squares in integers."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from vqzip.prior.pixels.spec import (
    LARGEST_WEIGHT,
    MEMORY,
    MOST_INPUTS,
    PRIOR_BITS,
    WEIGHT_BITS,
)


class Predictor:
    """Predicts a sample from its neighbors.

    Sums of products over the samples so far fade by 2^-10 a sample. Every sample brings half of the weights
    one Gauss-Seidel step nearer to the least squares: those of even inputs in even columns, the others in odd
    ones.

    Args:
        weights: `(28,)` int64 to begin with, in 2^-16.
        count: inputs that are used.
    """

    def __init__(self, weights: NDArray[np.int64], count: int) -> None:
        self._count = count
        self.weight = np.zeros(MOST_INPUTS, np.int64)
        self.weight[:count] = weights[:count]
        self._covariance = np.zeros((MOST_INPUTS, MOST_INPUTS), np.int64)
        self._covariance[range(count), range(count)] = 1 << PRIOR_BITS
        self._response = self.weight << (PRIOR_BITS - WEIGHT_BITS)

    def predict(self, inputs: Sequence[int]) -> int:
        """Return the difference to the reference in 1/64."""
        return (int(self.weight @ np.array(inputs, np.int64)) + 512) >> 10

    def learn(self, inputs: Sequence[int], target: int, parity: int) -> None:
        """Take a sample.

        Args:
            inputs: 28 of them in 1/64 of the expected error, with zeros after those that are used.
            target: what they should have predicted, in the same unit.
            parity: of the column.
        """
        x = np.array(inputs, np.int64)
        half = 1 << (MEMORY - 1)
        used = slice(self._count)
        old = self._covariance[used]
        self._covariance[used] = old - ((old + half) >> MEMORY) + np.outer(x[used], x)
        old = self._response[used]
        self._response[used] = old - ((old + half) >> MEMORY) + x[used] * target
        for i in range(parity, self._count, 2):
            row = self._covariance[i]
            missing = (int(self._response[i]) << WEIGHT_BITS) - int(row @ self.weight)
            divisor = int(row[i]) + (int(row[i]) >> 8) + 4096
            step = abs(missing) // divisor
            moved = int(self.weight[i]) + (step if missing >= 0 else -step)
            self.weight[i] = max(-LARGEST_WEIGHT, min(LARGEST_WEIGHT, moved))
