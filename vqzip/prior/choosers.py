"""Code sources of an encoder: codes that are known, or chosen by rate and distortion.

Assignment by rate and distortion takes the code with the least
‖z_e - e_k‖² + λ·bits(k | context): what is coded later profits from codes that are cheap now.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from vqzip.entropy.grid_symbols import LARGEST_CODE
from vqzip.errors import CodingError
from vqzip.prior.parameters import CategoricalParameters, LogisticParameters, Parameters
from vqzip.prior.walk import CodeSource, Place

CodeMaps = Mapping[int, NDArray[np.int32]] | Sequence[NDArray[np.int32]]
FloatMaps = Mapping[int, NDArray[np.floating]] | Sequence[NDArray[np.floating]]


class ByLevel:
    """Leaves every level to a chooser of its own, added when the level is reached."""

    def __init__(self) -> None:
        self._choosers: dict[int, CodeSource] = {}

    def add(self, level: int, chooser: CodeSource) -> None:
        """Leave the codes of a level to `chooser`."""
        self._choosers[level] = chooser

    def codes(self, place: Place, parameters: Parameters) -> NDArray[np.int64]:
        """Return the codes of a place; see `CodeSource`."""
        return self._choosers[place.level].codes(place, parameters)


@dataclass(frozen=True)
class KnownCodes:
    """Codes that are given.

    Args:
        maps: `(C, H, W)` int32 by level.
    """

    maps: CodeMaps

    def codes(self, place: Place, _parameters: Parameters) -> NDArray[np.int64]:
        """Return the codes of a place; see `CodeSource`."""
        return place.of(self.maps[place.level]).astype(np.int64)


class GridChooser:
    """Chooses codes of a grid among a few near the latent.

    Candidates: the nearest code, one nearer to zero, zero, and one nearer to the mean.

    Args:
        latents: `(C, H, W)` float by level, in units of the step.
        bit_price: λ in squared steps a bit; with 0 the nearest code always wins.
        deadzone: rounding offset; |z| becomes floor(|z| + deadzone), so 0.5 rounds to the nearest
            and less rounds toward zero.
    """

    def __init__(self, latents: FloatMaps, bit_price: float, deadzone: float = 0.5) -> None:
        self._latents = latents
        self._bit_price = bit_price
        self._deadzone = deadzone
        self._in_order: dict[int, tuple[NDArray[np.float64], NDArray[np.int64]]] = {}

    def codes(self, place: Place, parameters: Parameters) -> NDArray[np.int64]:
        """Return the best codes of a place; see `CodeSource`.

        Raises:
            CodingError: the model has codebooks, no grid.
        """
        if not isinstance(parameters, LogisticParameters):
            raise CodingError("latents of a grid need a model with a logistic head.")
        all_latents, all_nearest = self._of_level(place)
        codes = all_nearest[place.span].take(place.channels, axis=1)
        if self._bit_price == 0:
            return codes
        mean = (parameters.mean16 + 8) >> 4
        # Where nearest code and mean are both 0, as nearly everywhere at fine levels, so are all
        # candidates.
        at = (codes | mean).reshape(-1).nonzero()[0]
        if at.size:
            candidates = _candidates(codes.take(at), mean.take(at))
            latents = all_latents[place.span].take(place.channels, axis=1).take(at)
            error = (latents - candidates) ** 2
            cost = error + self._bit_price * parameters.bits_at(at, candidates)
            codes.put(at, candidates[cost.argmin(0), np.arange(at.size)])
        return codes

    def _of_level(self, place: Place) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
        """Return the latents and the nearest codes of a level, `(N, C)` in coding order.

        Made once for all steps: most are so small that what a step does costs more than how much.
        """
        if place.level not in self._in_order:
            latents = place.order.of_map(self._latents[place.level]).astype(np.float64)
            beyond = latents + np.copysign(self._deadzone, latents)
            # Conversion to integers rounds toward zero.
            nearest = beyond.clip(-LARGEST_CODE, LARGEST_CODE).astype(np.int64)
            self._in_order[place.level] = latents, nearest
        return self._in_order[place.level]


def _candidates(nearest: NDArray[np.int64], mean: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return `(4, n)` candidates for n codes; the first of equal cost is preferred."""
    candidates = np.zeros((4, len(nearest)), np.int64)
    candidates[0] = nearest
    np.subtract(nearest, np.sign(nearest), out=candidates[1])
    np.add(nearest, np.sign(mean - nearest), out=candidates[3])
    return candidates


class CodebookChooser:
    """Chooses codewords of learned codebooks, residual stage after residual stage.

    Args:
        z_e: `(G * dim, H, W)` float by level, encoder outputs.
        codebooks: `(G, D, K, dim)` float by level.
        bit_price: λ in squared units of z_e a bit; with 0 the nearest codeword always wins.
    """

    def __init__(self, z_e: FloatMaps, codebooks: FloatMaps, bit_price: float) -> None:
        self._z_e = z_e
        self._codebooks = codebooks
        self._bit_price = bit_price
        self._residuals: dict[int, NDArray[np.float64]] = {}

    def codes(self, place: Place, parameters: Parameters) -> NDArray[np.int64]:
        """Return the best codes of a place; see `CodeSource`.

        Raises:
            CodingError: the model has a grid, no codebooks.
        """
        if not isinstance(parameters, CategoricalParameters):
            raise CodingError("codebooks need a model with a categorical head.")
        codebooks = self._codebooks[place.level].astype(np.float64)
        residuals = self._residuals_of(place.level)
        codes = np.empty(parameters.shape, np.int64)
        bits = parameters.bits_of_all()
        for number, channel in enumerate(place.channels):
            group, depth = divmod(int(channel), codebooks.shape[1])
            codewords = codebooks[group, depth]
            residual = residuals[group][:, place.rows, place.columns]
            # ‖r - e‖² without ‖r‖², which is the same for every codeword.
            cost = (codewords**2).sum(1) - 2.0 * residual.T @ codewords.T
            chosen = (cost + self._bit_price * bits[:, number]).argmin(1)
            residuals[group][:, place.rows, place.columns] = residual - codewords[chosen].T
            codes[:, number] = chosen
        return codes

    def _residuals_of(self, level: int) -> NDArray[np.float64]:
        """Return what the codes so far leave of z_e, `(G, dim, H, W)`."""
        if level not in self._residuals:
            groups, _, _, dim = self._codebooks[level].shape
            z_e = self._z_e[level].astype(np.float64)
            self._residuals[level] = z_e.reshape(groups, dim, *z_e.shape[1:])
        return self._residuals[level]
