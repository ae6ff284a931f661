"""A stack of bits for coding with latent variables: symbols are pushed, and popped in the reverse order.

Popping symbols from a stack whose bits are random draws them from their distribution, and pushing them again restores
the stack. So latent variables are drawn with the bits of what was coded before, and these bits come back: bits back
(Townsend et al. 2019). The coder is constriction's `AnsCoder`, as in `ans`.
"""

from __future__ import annotations

import constriction
import numpy as np
from numpy.typing import NDArray

from vqzip.entropy.ans import stream_words

Symbols = NDArray[np.int32]
Floats = NDArray[np.float64]

_CATEGORICAL = constriction.stream.model.Categorical(perfect=False)


class Stack:
    """Symbols as one big number.

    Args:
        words: what the stack starts with: little-endian words of 32 bits, as `to_bytes` returns them.

    Raises:
        InvalidFile: the last word is zero, or the length is not a multiple of four.
    """

    def __init__(self, words: bytes = b"") -> None:
        self._coder = constriction.stream.stack.AnsCoder(stream_words(words))

    def push_rows(self, symbols: Symbols, masses: Floats) -> None:
        """Push symbols whose distributions are rows `(n, K)`; the first symbol is on top."""
        self._coder.encode_reverse(symbols, _CATEGORICAL, masses)

    def pop_rows(self, masses: Floats) -> Symbols:
        """Pop a symbol for each row `(n, K)`."""
        return np.asarray(self._coder.decode(_CATEGORICAL, masses), np.int32)

    def push_normal(self, symbols: Symbols, limit: int, mean: Floats, deviation: Floats) -> None:
        """Push integers from -limit to limit that are rounded normal variables."""
        model = constriction.stream.model.QuantizedGaussian(-limit, limit)
        self._coder.encode_reverse(symbols, model, mean, deviation)

    def pop_normal(self, limit: int, mean: Floats, deviation: Floats) -> Symbols:
        """Pop integers from -limit to limit that are rounded normal variables."""
        model = constriction.stream.model.QuantizedGaussian(-limit, limit)
        return np.asarray(self._coder.decode(model, mean, deviation), np.int32)

    def to_bytes(self) -> bytes:
        """Return all words."""
        words: NDArray[np.uint32] = self._coder.get_compressed()
        return words.astype("<u4").tobytes()
