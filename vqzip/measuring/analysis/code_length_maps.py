"""Where the bits of a file are: the code length of every position of every level."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from vqzip.codec.tile_streams import get_tile
from vqzip.codec.tiles import stream_tiles
from vqzip.codes import Codes
from vqzip.hierarchy import Hierarchy
from vqzip.prior.backend import KnownCodes, Source, State
from vqzip.prior.exact.prior import Condition, ExactPrior
from vqzip.prior.numpy.backend import NumpyBackend
from vqzip.prior.numpy.level import LevelRun
from vqzip.prior.numpy.sources import Place
from vqzip.prior.walk import PriorWalk

BitMap = NDArray[np.float32]
"""`(H, W)` bits of a position of a level, summed over its channels."""


def code_length_maps(prior: ExactPrior, hierarchy: Hierarchy, codes: Codes) -> list[BitMap]:
    """Return a map for each level, coarse first.

    Args:
        prior: that gives the probabilities.
        hierarchy: of the same model.
        codes: of a picture.
    """
    shapes = hierarchy.shapes(codes.height, codes.width)
    maps = [np.zeros(shape, np.float32) for shape in shapes]
    for tile in stream_tiles(codes.width, codes.height):
        backend = _LengthBackend(prior)
        walk = PriorWalk(backend, codes.quality, gray=codes.gray)
        for known in get_tile(codes, hierarchy, tile):
            walk.code(KnownCodes(np.ascontiguousarray(known), backend.writer()))
        for whole, part, level in zip(maps, backend.found, hierarchy.levels, strict=True):
            top, left = tile.top // level.stride, tile.left // level.stride
            whole[top : top + part.shape[0], left : left + part.shape[1]] = part
    return maps


class _LengthBackend(NumpyBackend):
    """Computes the code lengths of known codes, and writes nothing.

    Attributes:
        found: a map for each level so far.
    """

    def __init__(self, prior: ExactPrior) -> None:
        super().__init__(prior)
        self.found: list[BitMap] = []

    def code(
        self, level: int, source: Source, state: State, condition: Condition
    ) -> NDArray[np.int32]:
        assert isinstance(source, KnownCodes)  # noqa: S101  nothing else is passed above
        run = self.run(level, source.shape, state, condition)
        run.context.add_map(source.codes)
        bits = np.concatenate(
            [
                _bits(run, slice(start, start + SPAN), source.codes)
                for start in range(0, run.order.positions, SPAN)
            ]
        )
        self.found.append(run.order.to_map(bits[:, None])[0].astype(np.float32))
        return source.codes


SPAN = 4096
"""Positions whose distributions are in memory at once."""


def _bits(run: LevelRun, span: slice, codes: NDArray[np.int32]) -> NDArray[np.float64]:
    """Return the bits of positions of the order, all stages together."""
    span = slice(span.start, min(span.stop, run.order.positions))
    bits = np.zeros(span.stop - span.start)
    for number, stage in enumerate(run.stages):
        own = Place(stage, run.order, span).of(codes).astype(np.int64)
        bits += run.parameters(span, number).bits(own).sum(-1)
        run.learn(span, number, own)
    return bits
