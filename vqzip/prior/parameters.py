"""What a prior says of some codes, and how codes pass through a `SymbolPort` given that.

Two classes, one for each head. Codes pass position by position, at a position by channel.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from vqzip.entropy.ans import SymbolPort
from vqzip.entropy.counts import bits_of_count
from vqzip.entropy.grid_symbols import GridCoder
from vqzip.errors import CodingError


class Parameters(Protocol):
    """Distributions of the codes of n positions and g channels."""

    @property
    def shape(self) -> tuple[int, int]:
        """Return (n, g)."""

    def exchange(self, port: SymbolPort, codes: NDArray[np.int64]) -> NDArray[np.int64]:
        """Pass codes through a port.

        Args:
            port: where their symbols go to or come from.
            codes: `(n, g)` int64; a reading port ignores them.

        Returns:
            `(n, g)` int64, the codes that count.

        Raises:
            CodingError: a code to be written has no symbol.
            LimitExceeded: a code that was read is outside the legal range.
        """

    def bits(self, codes: NDArray[np.int64]) -> NDArray[np.float64]:
        """Return the code length in bits of codes `(..., n, g)`, in the same shape."""

    def part(self, positions: slice) -> Parameters:
        """Return the parameters of some of the positions."""


@dataclass(frozen=True)
class LogisticParameters:
    """Codes on a grid, each with the mean and the scale of a discretized logistic.

    Args:
        coder: holds the model's tables.
        mean16: `(n, g)` int64, means in sixteenths of a step.
        scale: `(n, g)` int64 in 0..63.
    """

    coder: GridCoder
    mean16: NDArray[np.int64]
    scale: NDArray[np.int64]

    @property
    def shape(self) -> tuple[int, int]:
        """Return (n, g)."""
        n, g = self.mean16.shape
        return n, g

    def exchange(self, port: SymbolPort, codes: NDArray[np.int64]) -> NDArray[np.int64]:
        """Pass codes through a port; see `Parameters` and `GridCoder.exchange`."""
        return self.coder.exchange(port, self.mean16, self.scale, codes)

    def bits(self, codes: NDArray[np.int64]) -> NDArray[np.float64]:
        """Return the code length in bits; see `Parameters`."""
        return self.coder.bits(self.mean16, self.scale, codes)

    def bits_at(self, at: NDArray[np.intp], codes: NDArray[np.int64]) -> NDArray[np.float64]:
        """Return the code length in bits of codes at some places only.

        Args:
            at: `(m,)` indices of places, counted position by position.
            codes: `(..., m)` int64.
        """
        return self.coder.bits(self.mean16.take(at), self.scale.take(at), codes)

    def part(self, positions: slice) -> LogisticParameters:
        """Return the parameters of some of the positions."""
        return LogisticParameters(self.coder, self.mean16[positions], self.scale[positions])


@dataclass(frozen=True)
class CategoricalParameters:
    """Codes of codebooks, each with a row of counts.

    Args:
        counts: `(n, g, K)` int64, rows that sum to 2^16.
    """

    counts: NDArray[np.int64]

    @property
    def shape(self) -> tuple[int, int]:
        """Return (n, g)."""
        n, g, _ = self.counts.shape
        return n, g

    def exchange(self, port: SymbolPort, codes: NDArray[np.int64]) -> NDArray[np.int64]:
        """Pass codes through a port; see `Parameters`.

        A codebook of one codeword leaves nothing to code.
        """
        size = self.counts.shape[-1]
        if codes.size and (codes.min() < 0 or codes.max() >= size):
            raise CodingError(f"codes of a codebook of {size} must lie in 0..{size - 1}.")
        if size == 1:
            return codes
        passed = port.exchange_counts(self.counts.reshape(-1, size), codes.reshape(-1))
        return passed.reshape(codes.shape)

    def bits(self, codes: NDArray[np.int64]) -> NDArray[np.float64]:
        """Return the code length in bits; see `Parameters`."""
        position, channel = np.indices(self.shape)
        return bits_of_count()[self.counts[position, channel, codes]]

    def bits_of_all(self) -> NDArray[np.float64]:
        """Return the code length in bits of every codeword, `(n, g, K)`."""
        return bits_of_count()[self.counts]

    def part(self, positions: slice) -> CategoricalParameters:
        """Return the parameters of some of the positions."""
        return CategoricalParameters(self.counts[positions])
