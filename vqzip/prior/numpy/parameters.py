"""Distributions of codes, and how codes are exchanged through a `SymbolPort` with them.

Codes are exchanged position by position, and at each position by channel.
"""

from __future__ import annotations

from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from vqzip.entropy.ans import SymbolPort


class Parameters(Protocol):
    """Distributions of the codes of n positions and g channels."""

    @property
    def shape(self) -> tuple[int, int]:
        """Return (n, g)."""

    def exchange(self, port: SymbolPort, codes: NDArray[np.int64]) -> NDArray[np.int64]:
        """Exchange codes through a port.

        Args:
            port: takes or gives their symbols.
            codes: `(n, g)` int64; a reading port ignores them.

        Returns:
            `(n, g)` int64, the codes to use.

        Raises:
            CodingError: a code to write has no symbol.
            LimitExceeded: a code that was read is outside the legal range.
        """

    def bits(self, codes: NDArray[np.int64]) -> NDArray[np.float64]:
        """Return the code length in bits of codes `(..., n, g)`, in the same shape."""

    def part(self, positions: slice) -> Parameters:
        """Return the parameters of some of the positions."""
