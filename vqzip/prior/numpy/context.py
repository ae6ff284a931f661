"""The context of a level: padded maps of the features of its codes."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from vqzip.prior.numpy.layers import LevelLayers
from vqzip.prior.numpy.windows import NEIGHBOR_TAPS, Windows, windows
from vqzip.prior.order import Order

_CHUNK = 1024
"""Few enough that the neighborhoods of this many positions fit into the cache of a processor."""


def chunks(positions: int) -> Iterator[slice]:
    """Yield spans of positions whose order does not matter; they only limit memory."""
    for start in range(0, positions, _CHUNK):
        yield slice(start, min(start + _CHUNK, positions))


class CodeContext:
    """The codes of a level that are known so far.

    Args:
        layers: of the level.
        order: the order of its positions.
        most_stages: number of coded stages; the codes and features of the others are 0.
    """

    def __init__(self, layers: LevelLayers, order: Order, most_stages: int) -> None:
        prior, width = layers.prior, layers.prior.kind.width
        self.stages = tuple(stage.channels for stage in prior.stages[:most_stages])
        self.windows: Windows = windows(order)
        self.features = self.windows.zeros(prior.channels * width, np.float32)
        coded = sum(len(stage) for stage in self.stages)
        self._coded_features = self.features[:, : coded * width]
        self._codes = self.windows.zeros(prior.channels, np.int64) if prior.neighbour_mean else None
        self._neighbors = self.windows.offsets(NEIGHBOR_TAPS)
        self._look_up = layers.kind.features
        self._order = order

    def base16(self, span: slice) -> NDArray[np.int64] | None:
        """Return the mean of the neighbors `(n, C)` in sixteenths, or None for 0."""
        if self._codes is None:
            return None
        neighbors = self.windows.gather(self._codes, self._neighbors, span)
        shares = self.windows.neighbor_shares[span]
        left, upper = np.split(neighbors, 2, axis=1)
        base16: NDArray[np.int64] = left * shares[:, :1] + upper * shares[:, 1:]
        return base16

    def features_of(
        self, stage: int, codes: NDArray[np.int64], base16: NDArray[np.int64] | None
    ) -> NDArray[np.float32]:
        """Return the features `(n, g * width)` of a stage's codes `(n, g)`."""
        channels = self.stages[stage]
        if base16 is not None:
            codes = codes - ((base16[:, channels] + 8) >> 4)
        return self._look_up(channels, codes)

    def add_codes(self, span: slice, stage: int, codes: NDArray[np.int64]) -> None:
        """Store the codes of a stage, if the mean of neighbors needs them."""
        if self._codes is not None:
            self._codes[self.windows.index[span, None], self.stages[stage]] = codes

    def add_features(self, span: slice, features: NDArray[np.float32]) -> None:
        """Store the features of all stages at a span of positions."""
        self._coded_features[self.windows.index[span]] = features

    def add_map(self, codes: NDArray[np.int32]) -> None:
        """Store all codes of the level, `(C, H, W)`."""
        order = self._order
        known = order.of_map(codes).astype(np.int64)
        for number, channels in enumerate(self.stages):
            self.add_codes(slice(None), number, known[:, channels])
        for span in chunks(order.positions):
            base16 = self.base16(span)
            features = [
                self.features_of(number, known[span, channels], base16)
                for number, channels in enumerate(self.stages)
            ]
            self.add_features(span, np.concatenate(features, axis=1))
