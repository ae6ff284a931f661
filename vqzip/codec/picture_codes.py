"""Codes of a whole picture, filled in stream tile by stream tile."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from vqzip.codec.tiles import Tile
from vqzip.codes import TokenMaps
from vqzip.configs import VqvaeConfig
from vqzip.errors import CodingError


class PictureCodes:
    """Codes of every level of a picture; zeros at first.

    Args:
        config: gives the levels.
        width: of the picture in pixels.
        height: of the picture in pixels.

    Attributes:
        levels: `(G * D, H, W)` int32 a level, coarse first.
    """

    def __init__(self, config: VqvaeConfig, width: int, height: int) -> None:
        self._config = config.levels
        # Pages of zeros that nothing is written to cost no memory: a region is decoded this way.
        self.levels: list[NDArray[np.int32]] = [
            np.zeros(
                (level.channels, math.ceil(height / level.stride), math.ceil(width / level.stride)),
                np.int32,
            )
            for level in config.levels
        ]

    @classmethod
    def from_token_maps(
        cls, config: VqvaeConfig, codes: TokenMaps, width: int, height: int
    ) -> PictureCodes:
        """Return the codes of token maps.

        Raises:
            CodingError: they are not those of a picture of this size.
        """
        made = cls(config, width, height)
        expected = [level.shape for level in made.token_maps().levels]
        found = [level.shape for level in codes.levels]
        if found != expected:
            raise CodingError(
                f"codes for {width} x {height} pixels have the shapes {expected}, got {found}."
            )
        made.levels = [level.reshape(-1, *level.shape[2:]) for level in codes.levels]
        return made

    def token_maps(self) -> TokenMaps:
        """Return the same codes with groups and depth apart."""
        levels = zip(self.levels, self._config, strict=True)
        return TokenMaps(
            tuple(m.reshape(level.groups, level.depth, *m.shape[1:]) for m, level in levels)
        )

    def shapes(self, tile: Tile) -> list[tuple[int, int]]:
        """Return (H, W) of a tile's codes at every level."""
        return [
            (
                math.ceil(tile.bottom / level.stride) - tile.top // level.stride,
                math.ceil(tile.right / level.stride) - tile.left // level.stride,
            )
            for level in self._config
        ]

    def put(self, tile: Tile, codes: Sequence[NDArray[np.int32]]) -> None:
        """Write a tile's codes `(G * D, H, W)`; finer levels may be left out."""
        for whole, part, level in zip(self.levels, codes, self._config, strict=False):
            top, left = tile.top // level.stride, tile.left // level.stride
            height, width = part.shape[1:]
            whole[:, top : top + height, left : left + width] = part
