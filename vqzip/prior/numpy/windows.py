"""Windows of a map that end at context tiles.

A padded map has a row of numbers for each position of every context tile, and zeros around each tile. So a
tap is a constant distance between rows, the same at every position, and everything outside the tile or the
picture is zero without a test.
"""

from __future__ import annotations

import functools
from dataclasses import dataclass
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from vqzip.prior.order import Order
from vqzip.prior.spec import ABOVE, BELOW, LEFT, RIGHT

Entry = TypeVar("Entry", bound=np.generic)

NEIGHBOR_TAPS = ((0, -1), (-1, 0))
"""The positions of the mean in `PriorLevelConfig.neighbour_mean`: left, above."""


@dataclass(frozen=True)
class Windows:
    """Places of positions and their neighbors in a padded map.

    Args:
        size: rows of the padded map.
        width: distance in rows between a position and the one below it.
        index: `(N,)` row of each position, in coding order.
        neighbor_shares: `(N, 2)` weights in sixteenths of the positions to the left and above in
            their mean; 0 for one outside the tile.
    """

    size: int
    width: int
    index: NDArray[np.intp]
    neighbor_shares: NDArray[np.int64]

    def offsets(self, taps: tuple[tuple[int, int], ...]) -> NDArray[np.intp]:
        """Return the distance of each tap (di, dj) from its position, in rows."""
        return np.array([di * self.width + dj for di, dj in taps], np.intp)

    def zeros(self, channels: int, dtype: type[Entry]) -> NDArray[Entry]:
        """Return an empty padded map."""
        return np.zeros((self.size, channels), dtype)

    def gather(
        self, padded: NDArray[Entry], offsets: NDArray[np.intp], span: slice
    ) -> NDArray[Entry]:
        """Return the taps of a span of positions, `(n, taps * channels)`, tap-major."""
        index = self.index[span, None] + offsets
        # Every index is in range; with "clip", NumPy does not check.
        return padded.take(index, axis=0, mode="clip").reshape(len(index), -1)


@functools.lru_cache(maxsize=24)
def windows(order: Order) -> Windows:
    """Return the windows of a map, in the order of its codes."""
    rows, columns = order.rows % order.side, order.columns % order.side
    height = ABOVE + min(order.side, order.height) + BELOW
    width = LEFT + min(order.side, order.width) + RIGHT
    index = (order.tiles * height + rows + ABOVE) * width + columns + LEFT
    present = np.stack([columns > 0, rows > 0], axis=1)
    shares = present * (16 // np.maximum(present.sum(1, keepdims=True), 1))
    return Windows(order.tile_count * height * width, width, index, shares)


def square_taps(kernel: int) -> tuple[tuple[int, int], ...]:
    """Return (di, dj) of a square neighborhood around a position, in raster order."""
    reach = range(-(kernel // 2), kernel // 2 + 1)
    return tuple((di, dj) for di in reach for dj in reach)
