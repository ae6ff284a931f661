"""What the prior's layers see of a code: a few integers looked up in tables.

A position's features are kept in *stage order*: the features of the first stage's codes, code after
code, then those of the second stage, and so on. Weights in a model folder are in *channel order*;
they are permuted once, when a level is built.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from vqzip.errors import CodingError, ModelError
from vqzip.prior.exact.dense import LARGEST_ACTIVATION

MAGNITUDES = 256
"""Entries of the magnitude table; larger codes look like the last."""


class Features(Protocol):
    """Features of the codes of one level."""

    @property
    def width(self) -> int:
        """Features of one code."""

    @property
    def largest(self) -> int:
        """What features keep within, plus and minus."""

    def columns(self, channels: NDArray[np.intp], of: int, /) -> NDArray[np.intp]:
        """Return where the features of some channels, code after code, lie in channel order.

        Args:
            channels: `(g,)` among those that the order is of.
            of: how many channels the order is of.
        """

    def look_up(
        self, channels: NDArray[np.intp], codes: NDArray[np.int64], /
    ) -> NDArray[np.float32]:
        """Return the features `(n, g * width)` of a stage's codes `(n, g)`, code after code."""


class MagnitudeFeatures:
    """Two features a code of a grid: signed and absolute (logarithmic) magnitude.

    Channel order: the signed features of all channels, then the absolute ones.

    Args:
        magnitude: `(256,)` int16, feature of |code|, from 0 for code 0.

    Raises:
        ModelError: the table has the wrong shape or range.
    """

    width = 2

    def __init__(self, magnitude: NDArray[np.int16]) -> None:
        if magnitude.shape != (MAGNITUDES,) or magnitude[0] != 0:
            raise ModelError("features.magnitude must have 256 entries, the first of them 0.")
        self.largest = _largest("features.magnitude", magnitude)
        absolute = np.concatenate([magnitude[:0:-1], magnitude]).astype(np.float32)
        sign = np.sign(np.arange(1 - MAGNITUDES, MAGNITUDES), dtype=np.float32)
        # A row for each code from -255 to 255.
        self._table = np.stack([absolute * sign, absolute], axis=1)

    def columns(self, channels: NDArray[np.intp], of: int) -> NDArray[np.intp]:
        """Return where the features of some channels lie in channel order; see `Features`."""
        return np.stack([channels, of + channels], axis=1).reshape(-1)

    def look_up(self, _channels: NDArray[np.intp], codes: NDArray[np.int64]) -> NDArray[np.float32]:
        """Return the features of a stage's codes, signed and absolute one in turn."""
        # "clip" takes the last row for larger codes.
        features = self._table.take(codes + (MAGNITUDES - 1), axis=0, mode="clip")
        return features.reshape(len(codes), -1)


class EmbeddingFeatures:
    """A learned embedding a code of a codebook.

    Channel order: the features of channel 0, those of channel 1, and so on.

    Args:
        embedding: `(C, K, E)` int16.
        name: of the tensor, for messages.

    Raises:
        ModelError: the table has the wrong shape or range.
    """

    def __init__(self, embedding: NDArray[np.int16], name: str) -> None:
        self.largest = _largest(name, embedding)
        self._embedding = embedding.astype(np.float32)
        self.width = int(embedding.shape[2])

    def columns(self, channels: NDArray[np.intp], _of: int) -> NDArray[np.intp]:
        """Return where the features of some channels lie in channel order; see `Features`."""
        return (channels[:, None] * self.width + np.arange(self.width)).reshape(-1)

    def look_up(self, channels: NDArray[np.intp], codes: NDArray[np.int64]) -> NDArray[np.float32]:
        """Return the features of a stage's codes, code after code.

        Raises:
            CodingError: a code lies outside its codebook.
        """
        if codes.size and (codes.min() < 0 or codes.max() >= self._embedding.shape[1]):
            raise CodingError(f"codes must lie in 0..{self._embedding.shape[1] - 1}.")
        return self._embedding[channels, codes].reshape(len(codes), -1)


def _largest(name: str, table: NDArray[np.int16]) -> int:
    """Return the largest magnitude of a table, after checking it."""
    if table.dtype != np.int16:
        raise ModelError(f"{name} must be int16, got {table.dtype}.")
    largest = int(np.abs(table.astype(np.int64)).max(initial=0))
    if largest > LARGEST_ACTIVATION:
        raise ModelError(f"{name} must lie within {LARGEST_ACTIVATION} of zero.")
    return largest


def stage_order(features: Features, stages: Sequence[NDArray[np.intp]]) -> NDArray[np.intp]:
    """Return, for features in stage order, where each lies in channel order."""
    channels = np.concatenate(stages)
    return features.columns(channels, len(channels))
