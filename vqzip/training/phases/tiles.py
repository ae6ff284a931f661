"""Context tiles in crops with margins."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from vqzip.hierarchy import CONTEXT_TILE, Hierarchy
from vqzip.training.data.crops import Batch, Window


@dataclass(frozen=True)
class Tile:
    """The context tile of a batch, in pixels of its crops.

    Args:
        hierarchy: the levels.
        top: row of its first pixel, on the lattice of the coarsest level.
        left: column of the same.
        height: as far as the pictures reach.
        width: of the same.
    """

    hierarchy: Hierarchy
    top: int
    left: int
    height: int
    width: int

    @property
    def pixels(self) -> int:
        """Number of pixels, all of them in the pictures."""
        return self.height * self.width

    def cut(self, number: int, level: Tensor) -> Tensor:
        """Cut the tile out of one level `(N, C, h, w)` of a crop."""
        stride = self.hierarchy.levels[number].stride
        rows, columns = self.hierarchy.shape(number, self.height, self.width)
        top, left = self.top // stride, self.left // stride
        return level[:, :, top : top + rows, left : left + columns]


class ContextTiles:
    """Context tiles of random crops: 256 pixels a side, or the whole picture where that is smaller.

    Args:
        hierarchy: the levels.
        margin: pixels around a tile in a crop, on the average of both sides.

    Attributes:
        window: of the crops.
    """

    def __init__(self, hierarchy: Hierarchy, margin: int) -> None:
        self._hierarchy = hierarchy
        side = CONTEXT_TILE + 2 * margin
        self.window = Window(side, hierarchy.align, whole=CONTEXT_TILE)

    def random(self, batch: Batch, generator: torch.Generator) -> Tile:
        """Return a random tile of a batch, on the coarsest level's lattice."""
        align = self._hierarchy.align
        corner = []
        for length in batch.pixels.shape[2:]:
            places = max(length - CONTEXT_TILE, 0) // align + 1
            corner.append(align * int(torch.randint(places, (1,), generator=generator)))
        height, width = (min(CONTEXT_TILE, length) for length in (batch.height, batch.width))
        return Tile(self._hierarchy, corner[0], corner[1], height, width)


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
