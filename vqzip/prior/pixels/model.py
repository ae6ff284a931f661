"""PixelPrior: the integers of a pixel prior, checked."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from vqzip.errors import ModelError
from vqzip.prior.pixels.spec import (
    EXPECTATIONS,
    FEATURES,
    LARGEST_FEATURE,
    LARGEST_WEIGHT,
    LOGISTIC,
    MIXED,
    MOST_INPUTS,
    POINT_BITS,
    WIDTHS,
)
from vqzip.prior.spec import LARGEST_ACTIVATION

Tensors = Mapping[str, NDArray[np.generic]]
Integers = NDArray[np.int64]

LARGEST_SUM = 2**31 - 1
LARGEST_SHIFT = 31


@dataclass(frozen=True)
class PixelLayer:
    """One layer of a network: (inputs · weight + bias) >> shift.

    Args:
        weight: `(in, out)` int16.
        bias: `(out,)` int64.
        shift: `(out,)` int64, 0 to 31.
    """

    weight: NDArray[np.int16]
    bias: Integers
    shift: Integers


@dataclass(frozen=True)
class PixelPrior:
    """The prior of the samples of a picture.

    Args:
        networks: three layers for each of the three planes.
        first_weights: `(2, 3, 28)` int64, weights that predictors begin with, in 2^-16: of the coarse samples
            and of the others, by plane.
        reciprocal: `(96,)` int64, 2^18 / 2^(i / 4).
        deviation: `(96,)` int64, 2^(i / 4).
        narrowness: `(256,)` int64, 2^32 / 2^(i / 8).
        logistic: `(2049,)` int64, the logistic function from -16 to 16 in 2^-24.
    """

    networks: tuple[tuple[PixelLayer, ...], ...]
    first_weights: Integers
    reciprocal: Integers
    deviation: Integers
    narrowness: Integers
    logistic: Integers

    @classmethod
    def from_tensors(cls, tensors: Tensors, hidden: tuple[int, int]) -> PixelPrior:
        """Return the prior of a model folder.

        Args:
            tensors: `planes.{p}.{n}.weight`, `.bias`, `.shift` for three planes and layers, `first_weights`,
                and `tables.` of `reciprocal`, `deviation`, `narrowness`, `logistic`.
            hidden: outputs of the hidden layers.

        Raises:
            ModelError: a tensor is missing, unknown, or has a wrong shape, type or range; or a sum could
                leave 32 bits.
        """
        taker = _Taker(tensors)
        networks = []
        for plane, features in enumerate(FEATURES):
            widths = (features, *hidden, 3 * MIXED)
            largest = (LARGEST_FEATURE, LARGEST_ACTIVATION, LARGEST_ACTIVATION)
            networks.append(
                tuple(
                    taker.layer(f"planes.{plane}.{n}", widths[n], widths[n + 1], largest[n])
                    for n in range(3)
                )
            )
        prior = cls(
            tuple(networks),
            taker.table("first_weights", (2, 3, MOST_INPUTS), -LARGEST_WEIGHT, LARGEST_WEIGHT),
            taker.table("tables.reciprocal", (EXPECTATIONS,), 0, 1 << 18),
            taker.table("tables.deviation", (EXPECTATIONS,), 1, 1 << 24),
            taker.table("tables.narrowness", (WIDTHS,), 0, 1 << 32),
            taker.table("tables.logistic", (LOGISTIC + 1,), 0, 1 << POINT_BITS),
        )
        taker.expect_all_taken()
        if (np.diff(prior.logistic) < 0).any():
            raise ModelError("tables.logistic must not fall.")
        return prior


class _Taker:
    """Returns tensors by name, checked, and remembers which were used."""

    def __init__(self, tensors: Tensors) -> None:
        self._tensors = tensors
        self._taken: set[str] = set()

    def layer(self, name: str, inputs: int, outputs: int, largest_input: int) -> PixelLayer:
        """Return a layer after a proof that its sums stay within 32 bits."""
        weight = self._take(f"{name}.weight", (inputs, outputs), np.dtype(np.int16))
        bias = self.table(f"{name}.bias", (outputs,), -LARGEST_SUM, LARGEST_SUM)
        shift = self.table(f"{name}.shift", (outputs,), 0, LARGEST_SHIFT)
        sums = np.abs(weight.astype(np.int64)).sum(0) * largest_input + np.abs(bias)
        if sums.max() > LARGEST_SUM:
            raise ModelError(f"{name}: a sum may leave 32 bits.")
        return PixelLayer(weight.astype(np.int16), bias, shift)

    def table(self, name: str, shape: tuple[int, ...], least: int, most: int) -> Integers:
        """Return a tensor of int64 within a range."""
        table = self._take(name, shape, np.dtype(np.int64)).astype(np.int64)
        if table.min() < least or table.max() > most:
            raise ModelError(f"{name} must lie in {least}..{most}.")
        return table

    def expect_all_taken(self) -> None:
        """Refuse tensors that were not used."""
        unknown = sorted(set(self._tensors) - self._taken)
        if unknown:
            raise ModelError(f"the model has an unknown tensor '{unknown[0]}'.")

    def _take(
        self, name: str, shape: tuple[int, ...], dtype: np.dtype[np.generic]
    ) -> NDArray[np.generic]:
        if name not in self._tensors:
            raise ModelError(f"the model lacks the tensor '{name}'.")
        self._taken.add(name)
        tensor = self._tensors[name]
        if tensor.dtype != dtype or tensor.shape != shape:
            raise ModelError(
                f"the tensor '{name}' must be {dtype} {shape}, got {tensor.dtype} {tensor.shape}."
            )
        return tensor
