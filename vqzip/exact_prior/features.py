"""What the prior's layers see of a code: a few integers looked up in tables.

A position's features are kept in *stage order*: the features of the first stage's codes, then those
of the second, and so on. Weights in a model folder are in *channel order*; they are permuted once,
when a level is built.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from vqzip.errors import CodingError, ModelError
from vqzip.exact_prior.dense import LARGEST_ACTIVATION

MAGNITUDES = 256
"""Entries of the magnitude table; larger codes look like the last."""


class Features(Protocol):
    """Features of the codes of one level."""

    @property
    def width(self) -> int:
        """Features of one code."""

    def columns(self, channels: NDArray[np.intp]) -> NDArray[np.intp]:
        """Return where a stage's features lie in channel order."""

    def look_up(
        self, channels: NDArray[np.intp], codes: NDArray[np.int64], /
    ) -> NDArray[np.float64]:
        """Return the features `(n, g * width)` of a stage's codes `(n, g)`."""


class MagnitudeFeatures:
    """Two features a code of a grid: signed and absolute (logarithmic) magnitude.

    Channel order: the signed features of all channels, then the absolute ones.

    Args:
        magnitude: `(256,)` int16, feature of |code|, from 0 for code 0.
        channels: codes a position.

    Raises:
        ModelError: the table has the wrong shape or range.
    """

    width = 2

    def __init__(self, magnitude: NDArray[np.int16], channels: int) -> None:
        if magnitude.shape != (MAGNITUDES,) or magnitude[0] != 0:
            raise ModelError("features.magnitude must have 256 entries, the first of them 0.")
        _check_activations("features.magnitude", magnitude)
        self._channels = channels
        absolute = np.concatenate([magnitude[:0:-1], magnitude]).astype(np.float64)
        self._absolute = absolute
        self._signed = absolute * np.sign(np.arange(1 - MAGNITUDES, MAGNITUDES))

    def columns(self, channels: NDArray[np.intp]) -> NDArray[np.intp]:
        """Return where a stage's features lie in channel order."""
        return np.concatenate([channels, self._channels + channels])

    def look_up(self, _channels: NDArray[np.intp], codes: NDArray[np.int64]) -> NDArray[np.float64]:
        """Return the features of a stage's codes: all signed ones, then all absolute ones."""
        largest = MAGNITUDES - 1
        index = np.minimum(np.maximum(codes, -largest), largest) + largest
        return np.concatenate([self._signed[index], self._absolute[index]], axis=1)


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
        _check_activations(name, embedding)
        self._embedding = embedding.astype(np.float64)
        self.width = int(embedding.shape[2])

    def columns(self, channels: NDArray[np.intp]) -> NDArray[np.intp]:
        """Return where a stage's features lie in channel order."""
        return (channels[:, None] * self.width + np.arange(self.width)).reshape(-1)

    def look_up(self, channels: NDArray[np.intp], codes: NDArray[np.int64]) -> NDArray[np.float64]:
        """Return the features of a stage's codes, code after code.

        Raises:
            CodingError: a code lies outside its codebook.
        """
        if codes.size and (codes.min() < 0 or codes.max() >= self._embedding.shape[1]):
            raise CodingError(f"codes must lie in 0..{self._embedding.shape[1] - 1}.")
        return self._embedding[channels, codes].reshape(len(codes), -1)


def _check_activations(name: str, table: NDArray[np.int16]) -> None:
    if table.dtype != np.int16:
        raise ModelError(f"{name} must be int16, got {table.dtype}.")
    if np.abs(table.astype(np.int64)).max(initial=0) > LARGEST_ACTIVATION:
        raise ModelError(f"{name} must lie within {LARGEST_ACTIVATION} of zero.")


def stage_order(features: Features, stages: Sequence[NDArray[np.intp]]) -> NDArray[np.intp]:
    """Return, for features in stage order, where each lies in channel order."""
    return np.concatenate([features.columns(stage) for stage in stages])
