"""The cost of integers in the prior: code lengths of the same codes under its float and integer forms.

A prior is trained as a float network and used as integers. Here both compute -log2 of the probability of
given codes, level by level. The float network works on whole context tiles only, so both are measured on
the whole context tiles of the picture. Tiles do not depend on each other, so these are the code lengths
that the tiles have within the picture. If a side is not a multiple of 256, the right and lower margins are
left out; a picture with a side below 256 does not count.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from vqzip.autoencoders.config import VqvaeConfig
from vqzip.codes import Codes, Frame
from vqzip.hierarchy import CONTEXT_TILE
from vqzip.models.folder import Model
from vqzip.models.learned import load_float_prior
from vqzip.prior.backend import KnownCodes
from vqzip.prior.exact.prior import ExactPrior
from vqzip.prior.float.pixelcnn import PixelCnn
from vqzip.prior.walk import PriorWalk, backend_for

_BATCH = 16
"""Batch size of the float network in context tiles; code lengths do not depend on it."""


@dataclass(frozen=True)
class PriorLengths:
    """Code length of one level's codes under both priors.

    Args:
        codes: number of measured codes, those of whole context tiles.
        float_bits: under the trained float network.
        integer_bits: under the integers that code files.
        excess_percent: integers over floats; NaN without codes.
    """

    codes: int
    float_bits: float
    integer_bits: float
    excess_percent: float


def prior_lengths(codes: int, float_bits: float, integer_bits: float) -> PriorLengths:
    """Return the code lengths with their excess."""
    excess = 100 * (integer_bits / float_bits - 1) if float_bits else math.nan
    return PriorLengths(codes, float_bits, integer_bits, excess)


def total_lengths(parts: Sequence[PriorLengths]) -> PriorLengths:
    """Return the lengths of several levels or pictures together."""
    return prior_lengths(
        sum(part.codes for part in parts),
        sum(part.float_bits for part in parts),
        sum(part.integer_bits for part in parts),
    )


@dataclass(frozen=True)
class BothPriors:
    """The two forms of one model's prior.

    Args:
        vqvae: the networks whose codes they predict.
        trained: the float network, in evaluation mode on any device.
        exact: the integers made from it.
    """

    vqvae: VqvaeConfig
    trained: PixelCnn
    exact: ExactPrior

    def lengths(self, codes: Codes) -> tuple[PriorLengths, ...]:
        """Return the code lengths of each level, coarse first.

        Args:
            codes: of a whole picture.
        """
        maps = self.whole_tiles(codes)
        if not maps[0].size:
            return tuple(prior_lengths(0, 0.0, 0.0) for _ in maps)
        both = zip(
            maps,
            self._float_bits(maps, codes),
            self._integer_bits(maps, codes),
            strict=True,
        )
        return tuple(prior_lengths(m.size, floats, integers) for m, floats, integers in both)

    def whole_tiles(self, codes: Codes) -> list[NDArray[np.int32]]:
        """Return the codes `(G * D, H, W)` of every level in whole context tiles."""
        maps = codes.maps
        # The rows of a level are the picture's divided by the stride, rounded up; the finest level is the most precise.
        sides = [CONTEXT_TILE // level.stride for level in self.vqvae.levels]
        rows = min(m.shape[1] // side for m, side in zip(maps, sides, strict=True))
        columns = min(m.shape[2] // side for m, side in zip(maps, sides, strict=True))
        return [
            np.ascontiguousarray(m[:, : rows * side, : columns * side])
            for m, side in zip(maps, sides, strict=True)
        ]

    @torch.no_grad()
    def _float_bits(self, maps: Sequence[NDArray[np.int32]], frame: Frame) -> list[float]:
        device = next(self.trained.parameters()).device
        strides = [level.stride for level in self.vqvae.levels]
        tiles = [
            torch.from_numpy(_tiles(m, CONTEXT_TILE // stride)).long().to(device)
            for m, stride in zip(maps, strides, strict=True)
        ]
        gray = frame.gray and self.trained.config.gray_stages > 0
        log_step = math.log(self.vqvae.step(frame.quality))
        bits = [0.0] * len(maps)
        for start in range(0, len(tiles[0]), _BATCH):
            batch = [level[start : start + _BATCH] for level in tiles]
            grays = torch.full((len(batch[0]),), gray, device=device)
            steps = torch.full((len(batch[0]),), log_step, device=device)
            lengths = self.trained.code_lengths(batch, self.trained.conditions(steps, grays), grays)
            for level, length in enumerate(lengths):
                bits[level] += float(length.double().sum())
        return bits

    def _integer_bits(self, maps: Sequence[NDArray[np.int32]], frame: Frame) -> list[float]:
        backend = backend_for(self.exact)
        walk = PriorWalk(backend, frame.quality, gray=frame.gray)
        bits = []
        for codes in maps:
            writer = backend.writer()
            walk.code(KnownCodes(codes, writer))
            bits.append(writer.code_length_bits())
        return bits


def _tiles(codes: NDArray[np.int32], side: int) -> NDArray[np.int32]:
    """Cut `(C, H, W)` into `(tiles, C, side, side)`."""
    channels, height, width = codes.shape
    cut = codes.reshape(channels, height // side, side, width // side, side)
    return cut.transpose(1, 3, 0, 2, 4).reshape(-1, channels, side, side)


def load_both(model: Model, device: str = "cpu") -> BothPriors:
    """Return both priors of a model, the float one from its folder.

    Args:
        model: from `vqzip.models.folder.load`.
        device: where the float network runs; the integers are always on the CPU.

    Raises:
        ModelError: the float prior is missing or damaged.
    """
    trained = load_float_prior(model)
    return BothPriors(model.config.vqvae, trained.to(device).eval(), model.prior)
