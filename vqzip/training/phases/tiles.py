"""Context tiles in crops with margins."""

from __future__ import annotations

import torch
from torch import Tensor

from vqzip.hierarchy import CONTEXT_TILE, Hierarchy


class ContextTiles:
    """Where the prior's context tile is in a crop with margins, and which of a level's codes are in it.

    Args:
        hierarchy: the levels.
        margin: pixels around a tile in a crop, on the average of both sides.

    Attributes:
        side: of a crop in pixels.
        pixels: of a tile.
    """

    def __init__(self, hierarchy: Hierarchy, margin: int) -> None:
        self._hierarchy, self._margin = hierarchy, margin
        self.side = CONTEXT_TILE + 2 * margin
        self.pixels = CONTEXT_TILE**2

    def corner(self, generator: torch.Generator) -> tuple[int, int]:
        """Return where a tile begins in the crop, on the coarsest level's lattice."""
        align = self._hierarchy.align
        places = 2 * self._margin // align + 1
        row, column = torch.randint(places, (2,), generator=generator).tolist()
        return row * align, column * align

    def cut(self, number: int, level: Tensor, corner: tuple[int, int]) -> Tensor:
        """Cut the tile out of one level `(N, C, h, w)` of a crop."""
        stride = self._hierarchy.levels[number].stride
        side, (row, column) = CONTEXT_TILE // stride, (place // stride for place in corner)
        return level[:, :, row : row + side, column : column + side]


def coded(hierarchy: Hierarchy, number: int, gray: Tensor) -> Tensor:
    """Return `(N, C, 1, 1)` of ones, zero where a gray picture has no codes.

    Args:
        hierarchy: the levels.
        number: of the level.
        gray: `(N,)` bool.
    """
    ones = torch.ones(len(gray), hierarchy.levels[number].channels, device=gray.device)
    ones[:, hierarchy.luma(number) :] *= ~gray[:, None]
    return ones[:, :, None, None]
