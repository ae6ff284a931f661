"""Codes of a grid in the integer prior: two features of a code, a mean and a scale for each."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from vqzip.entropy.logistic_tables import LogisticTables
from vqzip.errors import ModelError
from vqzip.hierarchy import LevelConfig
from vqzip.prior.exact.tensors import TensorTaker, largest_entry
from vqzip.prior.spec import MAGNITUDES


@dataclass(frozen=True)
class Grid:
    """Tables that every level with a grid shares.

    A code has two features: the signed and the absolute (logarithmic) magnitude. Channel order: the signed
    features of all channels, then the absolute ones.

    Args:
        magnitude: `(256,)` int16, feature of |code|, from 0 for code 0.
        tables: counts of its symbols.

    Raises:
        ModelError: the table has the wrong shape or range.
    """

    magnitude: NDArray[np.int16]
    tables: LogisticTables

    width = 2
    outputs = 2

    def __post_init__(self) -> None:
        if self.magnitude.shape != (MAGNITUDES,) or self.magnitude[0] != 0:
            raise ModelError("features.magnitude must have 256 entries, the first of them 0.")

    @classmethod
    def take(
        cls, taker: TensorTaker, levels: Sequence[LevelConfig], _embedding: int
    ) -> Sequence[Grid]:
        """Return the tables of every level."""
        names = ("wide", "narrow", "low_bits", "escape_order")
        tables = LogisticTables(*(taker.int64(f"tables.{name}") for name in names))
        return [cls(taker.int16("features.magnitude"), tables)] * len(levels)

    @property
    def largest(self) -> int:
        """What features keep within, plus and minus."""
        return largest_entry("features.magnitude", self.magnitude)

    def columns(self, channels: NDArray[np.intp], of: int) -> NDArray[np.intp]:
        """Return where the features of some channels lie in channel order; see `CodeKind`."""
        return np.stack([channels, of + channels], axis=1).reshape(-1)
