"""Codes of codebooks in the integer prior: an embedding of a code, a logit for every codeword."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from vqzip.entropy.counts import LARGEST_ALPHABET
from vqzip.errors import ModelError
from vqzip.hierarchy import CodebookConfig, LevelConfig
from vqzip.prior.exact.tensors import TensorTaker, largest_entry


@dataclass(frozen=True)
class Codebook:
    """Tables of a level with codebooks.

    Channel order of features: those of channel 0, those of channel 1, and so on.

    Args:
        embedding: `(C, K, E)` int16, the features of every codeword.
        name: of the tensor, for messages.

    Raises:
        ModelError: the table has the wrong shape or range.
    """

    embedding: NDArray[np.int16]
    name: str

    def __post_init__(self) -> None:
        if not 1 <= self.outputs <= LARGEST_ALPHABET:
            raise ModelError(f"a codebook must have 1 to {LARGEST_ALPHABET} codewords.")

    @classmethod
    def take(
        cls, taker: TensorTaker, levels: Sequence[LevelConfig], embedding: int
    ) -> Sequence[Codebook]:
        """Return the tables of every level.

        Raises:
            ModelError: a table does not fit the level's codebooks.
        """
        found = []
        for number, level in enumerate(levels):
            name = f"features.embedding.{number}"
            table = taker.int16(name)
            if not isinstance(level.quantizer, CodebookConfig):
                raise ModelError("a categorical head needs codebooks.")
            expected = (level.channels, level.quantizer.size, embedding)
            if table.shape != expected:
                raise ModelError(f"{name} must have shape {expected}, got {table.shape}.")
            found.append(cls(table, name))
        return found

    @property
    def outputs(self) -> int:
        """Outputs of the network for one code."""
        return int(self.embedding.shape[1])

    @property
    def width(self) -> int:
        """Features of one code."""
        return int(self.embedding.shape[2])

    @property
    def largest(self) -> int:
        """What features keep within, plus and minus."""
        return largest_entry(self.name, self.embedding)

    def columns(self, channels: NDArray[np.intp], _of: int) -> NDArray[np.intp]:
        """Return where the features of some channels lie in channel order; see `CodeKind`."""
        return (channels[:, None] * self.width + np.arange(self.width)).reshape(-1)
