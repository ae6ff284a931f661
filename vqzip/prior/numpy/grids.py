"""Codes of a grid, run by NumPy: features, parameters, and the choice by rate and distortion."""

from __future__ import annotations

from dataclasses import dataclass
from typing import cast

import numpy as np
from numpy.typing import NDArray

from vqzip.codes import Choice, GridChoice
from vqzip.entropy.ans import SymbolPort
from vqzip.entropy.grid_symbols import LARGEST_CODE, GridCoder
from vqzip.entropy.logistic_tables import SCALES
from vqzip.errors import CodingError
from vqzip.prior.exact.grids import Grid
from vqzip.prior.numpy.parameters import Parameters
from vqzip.prior.numpy.products import Floats
from vqzip.prior.numpy.sources import Place
from vqzip.prior.order import Order
from vqzip.prior.spec import LARGEST_MEAN16, MAGNITUDES


@dataclass(frozen=True)
class GridParameters:
    """Codes of a grid, each with the mean and the scale of a discretized logistic.

    Args:
        coder: has the model's tables.
        mean16: `(n, g)` int64, means in sixteenths of a step.
        scale: `(n, g)` int64 in 0..63.
    """

    coder: GridCoder
    mean16: NDArray[np.int64]
    scale: NDArray[np.int64]

    @property
    def shape(self) -> tuple[int, int]:
        """Return (n, g)."""
        n, g = self.mean16.shape
        return n, g

    def exchange(self, port: SymbolPort, codes: NDArray[np.int64]) -> NDArray[np.int64]:
        """Exchange codes through a port; see `Parameters` and `GridCoder.exchange`."""
        return self.coder.exchange(port, self.mean16, self.scale, codes)

    def bits(self, codes: NDArray[np.int64]) -> NDArray[np.float64]:
        """Return the code length in bits; see `Parameters`."""
        return self.coder.bits(self.mean16, self.scale, codes)

    def bits_at(self, at: NDArray[np.intp], codes: NDArray[np.int64]) -> NDArray[np.float64]:
        """Return the code length in bits of codes at some places only.

        Args:
            at: `(m,)` indices of places, counted position by position.
            codes: `(..., m)` int64.
        """
        return self.coder.bits(self.mean16.take(at), self.scale.take(at), codes)

    def part(self, positions: slice) -> GridParameters:
        """Return the parameters of some of the positions."""
        return GridParameters(self.coder, self.mean16[positions], self.scale[positions])


class GridRunner:
    """Runs the codes of a level with a grid.

    Args:
        grid: tables of the prior.
    """

    def __init__(self, grid: Grid) -> None:
        self._coder = GridCoder(grid.tables)
        magnitude = grid.magnitude
        absolute = np.concatenate([magnitude[:0:-1], magnitude]).astype(np.float32)
        sign = np.sign(np.arange(1 - MAGNITUDES, MAGNITUDES), dtype=np.float32)
        # A row for each code from -255 to 255.
        self._features = np.stack([absolute * sign, absolute], axis=1)

    def features(
        self, _channels: NDArray[np.intp], codes: NDArray[np.int64]
    ) -> NDArray[np.float32]:
        """Return the features of a stage's codes, the signed and the absolute one of each in turn."""
        # "clip" takes the last row for larger codes.
        features = self._features.take(codes + (MAGNITUDES - 1), axis=0, mode="clip")
        return features.reshape(len(codes), -1)

    def parameters(self, out: Floats, base16: NDArray[np.int64] | None) -> GridParameters:
        """Return means and scales; see `CodeRunner`."""
        codes = out.shape[1] // 2
        mean16 = out[:, :codes].clip(-LARGEST_MEAN16, LARGEST_MEAN16).astype(np.int64)
        scale = out[:, codes:].clip(0, SCALES - 1).astype(np.int64)
        if base16 is not None:
            mean16 += base16
        return GridParameters(self._coder, mean16, scale)

    def chooser(self, choice: Choice, order: Order) -> GridChooser:
        """Return the chooser of the codes of a level.

        Raises:
            CodingError: the choice is between codewords.
        """
        if not isinstance(choice, GridChoice):
            raise CodingError("latents of codebooks need a model with a categorical head.")
        return GridChooser(choice, order)


class GridChooser:
    """Chooses codes of a grid from a few candidates.

    These are the nearest code, the next code toward zero, zero, and the next code toward the mean.

    Args:
        choice: latents and the price of a bit.
        order: of the level's positions.
    """

    def __init__(self, choice: GridChoice, order: Order) -> None:
        self._bit_price = choice.bit_price
        # For all steps at once, in coding order, because most steps are too small for a call of their own.
        self._latents = order.of_map(choice.latents).astype(np.float64)
        beyond = self._latents + np.copysign(choice.deadzone, self._latents)
        # Conversion to integers rounds toward zero.
        self._nearest = beyond.clip(-LARGEST_CODE, LARGEST_CODE).astype(np.int64)

    def codes(self, place: Place, parameters: Parameters) -> NDArray[np.int64]:
        """Return the best codes of a place; see `CodeSource`."""
        parameters = cast("GridParameters", parameters)
        codes = self._nearest[place.span].take(place.channels, axis=1)
        if self._bit_price == 0:
            return codes
        mean = (parameters.mean16 + 8) >> 4
        # If the nearest code and the mean are both 0, as nearly everywhere at fine levels, all
        # candidates are 0.
        at = (codes | mean).reshape(-1).nonzero()[0]
        if at.size:
            candidates = _candidates(codes.take(at), mean.take(at))
            latents = self._latents[place.span].take(place.channels, axis=1).take(at)
            error = (latents - candidates) ** 2
            cost = error + self._bit_price * parameters.bits_at(at, candidates)
            codes.put(at, candidates[cost.argmin(0), np.arange(at.size)])
        return codes


def _candidates(nearest: NDArray[np.int64], mean: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return `(4, n)` candidates for n codes; the first of equal cost is preferred."""
    candidates = np.zeros((4, len(nearest)), np.int64)
    candidates[0] = nearest
    np.subtract(nearest, np.sign(nearest), out=candidates[1])
    np.add(nearest, np.sign(mean - nearest), out=candidates[3])
    return candidates
