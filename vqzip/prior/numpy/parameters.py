"""What a prior says of some codes, and how codes pass through a `SymbolPort` given that.

Codes pass position by position, at a position by channel.
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
