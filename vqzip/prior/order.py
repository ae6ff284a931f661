"""The order in which the codes of a map are coded: a wavefront inside context tiles.

PixelCNN's raster order (van den Oord et al. 2016) looks to the upper right by one position in the
row above and by three in the row above that, so position (i, j) of a tile can be coded as soon as
all positions of lower rank j + 2i are known. Positions of equal rank form a step; all context tiles
advance together, so the number of steps does not depend on the size of the picture.
"""

from __future__ import annotations

import functools
import itertools
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

Entry = TypeVar("Entry", bound=np.generic)


@dataclass(frozen=True, eq=False)
class Order:
    """Every position of a map, in coding order.

    Within a step, positions are sorted by context tile (raster), then by row.

    Args:
        height: rows of the map.
        width: columns of the map.
        side: rows and columns of a context tile, in codes.
        rows: `(N,)` row in the map of each position.
        columns: `(N,)` column in the map of each position.
        tiles: `(N,)` context tile of each position, in raster order.
        starts: where each step begins in the arrays above; one entry more than steps.
    """

    height: int
    width: int
    side: int
    rows: NDArray[np.intp]
    columns: NDArray[np.intp]
    tiles: NDArray[np.intp]
    starts: tuple[int, ...]

    @property
    def positions(self) -> int:
        """Number of positions of the map."""
        return len(self.rows)

    @property
    def tile_count(self) -> int:
        """Number of context tiles that the map touches."""
        return -(-self.height // self.side) * -(-self.width // self.side)

    def to_map(self, values: NDArray[Entry]) -> NDArray[Entry]:
        """Return `(N, C)` values in coding order as a `(C, H, W)` map."""
        raster = np.empty_like(values)
        raster[self.rows * self.width + self.columns] = values
        return np.ascontiguousarray(raster.T).reshape(-1, self.height, self.width)

    def of_map(self, channels_first: NDArray[Entry], span: slice = slice(None)) -> NDArray[Entry]:
        """Return entries `(n, C)` of a `(C, H, W)` map in coding order; undoes `to_map`."""
        raster = channels_first.reshape(len(channels_first), -1)
        positions = self.rows[span] * self.width + self.columns[span]
        # One plane after another, which is several times as fast as an index with three arrays.
        return np.ascontiguousarray(raster.take(positions, axis=1).T)

    def steps(self) -> Iterator[slice]:
        """Yield the positions of each step, as a slice of the arrays."""
        for start, stop in itertools.pairwise(self.starts):
            yield slice(start, stop)

    def groups(self, positions: int) -> Iterator[list[slice]]:
        """Yield runs of whole steps of about `positions` positions together."""
        group: list[slice] = []
        for step in self.steps():
            group.append(step)
            if step.stop - group[0].start >= positions:
                yield group
                group = []
        if group:
            yield group


@functools.lru_cache(maxsize=24)
def wavefront(height: int, width: int, side: int) -> Order:
    """Return the wavefront order of a map.

    Args:
        height: rows of the map, at least 1.
        width: columns of the map, at least 1.
        side: rows and columns of a context tile, in codes.
    """
    rows, columns = (index.reshape(-1) for index in np.indices((height, width)))
    rank = columns % side + 2 * (rows % side)
    tiles = rows // side * -(-width // side) + columns // side
    order = np.lexsort((rows, tiles, rank))
    sizes = np.bincount(rank)
    starts = (0, *np.cumsum(sizes[sizes > 0]).tolist())
    arrays = (rows[order], columns[order], tiles[order])
    for array in arrays:
        array.setflags(write=False)
    return Order(height, width, side, *arrays, starts)
