"""rANS: symbols to words and back. The only module that imports constriction.

The coder is constriction 0.5's `AnsCoder` (64-bit state, 32-bit words, 24-bit probabilities), used
in one way only: a row of K counts that sums to 2^16 divides the range 2^24 at
`floor(cum_i * (2^24 - K) / 2^16) + i`, where cum_i is the sum of the counts before symbol i.
constriction computes these boundaries when it gets the counts as float64 with `perfect=False`;
float32 would give others. `tests/reference_rans.py` is a twin in pure Python.

ANS is a stack: what is written last is read first. So the writer gathers symbols in coding order
and pushes them backwards at the end; the reader then meets them in coding order.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import constriction
import numpy as np
from numpy.typing import NDArray

from vqzip.coding.frequencies import bits_of_count
from vqzip.errors import InvalidFile, Truncated

_CATEGORICAL = constriction.stream.model.Categorical(perfect=False)
_WORD_BYTES = 4


class SymbolPort(Protocol):
    """A place where symbols pass, in coding order, together with their distributions.

    A writer takes the symbols offered and hands them back; a reader ignores them and hands back
    what the stream says; a sampler draws. What is coded, and in which order, is thereby written
    once and serves every direction.
    """

    def exchange(
        self, table: NDArray[np.float64], rows: NDArray[np.intp], symbols: NDArray[np.int64], /
    ) -> NDArray[np.int64]:
        """Pass symbols whose distributions are rows of a table that stays unchanged.

        Args:
            table: `(R, K)` float64 counts, K at least 2.
            rows: `(n,)` a row of the table for each symbol.
            symbols: `(n,)` int64 in 0..K-1; a reader ignores them.

        Returns:
            `(n,)` int64, the symbols that count.
        """

    def exchange_counts(
        self, counts: NDArray[np.int64], symbols: NDArray[np.int64], /
    ) -> NDArray[np.int64]:
        """Pass symbols that have a distribution each.

        Args:
            counts: `(n, K)` int64, K at least 2.
            symbols: `(n,)` int64 in 0..K-1; a reader ignores them.

        Returns:
            `(n,)` int64, the symbols that count.
        """


@dataclass(frozen=True)
class _TableBatch:
    """Symbols whose rows come from a shared table, kept by reference."""

    table: NDArray[np.float64]
    rows: NDArray[np.intp]
    symbols: NDArray[np.int32]

    def counts(self) -> NDArray[np.float64]:
        return self.table.take(self.rows, axis=0)


@dataclass(frozen=True)
class _CountsBatch:
    """Symbols with rows of their own, kept in two bytes a count."""

    counts_less_one: NDArray[np.uint16]
    symbols: NDArray[np.int32]

    def counts(self) -> NDArray[np.float64]:
        return self.counts_less_one.astype(np.float64) + 1.0


class AnsWriter:
    """Gathers symbols in coding order and turns them into a stream.

    Attributes:
        code_length_bits: Σ -log2(count / 65536) over the symbols so far.
    """

    def __init__(self) -> None:
        self.code_length_bits = 0.0
        self._batches: list[_TableBatch | _CountsBatch] = []

    def exchange(
        self, table: NDArray[np.float64], rows: NDArray[np.intp], symbols: NDArray[np.int64]
    ) -> NDArray[np.int64]:
        """Gather symbols whose rows come from a table; see `SymbolPort`."""
        self._batches.append(_TableBatch(table, rows, symbols.astype(np.int32)))
        self._add_bits(table[rows, symbols].astype(np.int64))
        return symbols

    def exchange_counts(
        self, counts: NDArray[np.int64], symbols: NDArray[np.int64]
    ) -> NDArray[np.int64]:
        """Gather symbols with rows of their own; see `SymbolPort`."""
        self._batches.append(_CountsBatch((counts - 1).astype(np.uint16), symbols.astype(np.int32)))
        self._add_bits(np.take_along_axis(counts, symbols[:, None], 1))
        return symbols

    def finish(self) -> bytes:
        """Return the stream: 32-bit words, little-endian, in the order in which they are stored."""
        coder = constriction.stream.stack.AnsCoder()
        for batch in reversed(self._batches):
            coder.encode_reverse(batch.symbols, _CATEGORICAL, batch.counts())
        words: NDArray[np.uint32] = coder.get_compressed()
        return words.astype("<u4").tobytes()

    def _add_bits(self, chosen: NDArray[np.int64]) -> None:
        self.code_length_bits += float(bits_of_count()[chosen].sum())


class AnsReader:
    """Reads symbols from a stream.

    Args:
        data: the stream, as `AnsWriter.finish` returned it.

    Raises:
        Truncated: the length is no multiple of four.
        InvalidFile: the last word is zero, which no writer leaves.
    """

    def __init__(self, data: bytes) -> None:
        if len(data) % _WORD_BYTES:
            raise Truncated(f"a code stream of {len(data)} bytes is not made of whole words.")
        words = np.frombuffer(data, "<u4").astype(np.uint32)
        if words.size and words[-1] == 0:
            raise InvalidFile("a code stream ends with an empty word: the file is damaged.")
        self._coder = constriction.stream.stack.AnsCoder(words)

    def exchange(
        self, table: NDArray[np.float64], rows: NDArray[np.intp], _symbols: NDArray[np.int64]
    ) -> NDArray[np.int64]:
        """Read a symbol for each of `rows`; see `SymbolPort`."""
        return self._read(table.take(rows, axis=0))

    def exchange_counts(
        self, counts: NDArray[np.int64], _symbols: NDArray[np.int64]
    ) -> NDArray[np.int64]:
        """Read a symbol for each row of `counts`; see `SymbolPort`."""
        return self._read(counts.astype(np.float64))

    def finish(self) -> None:
        """Check that nothing is left in the stream.

        Raises:
            InvalidFile: something is left, or more was read than was there.
        """
        if not self._coder.is_empty():
            raise InvalidFile("a code stream does not end where its codes do: the file is damaged.")

    def _read(self, counts: NDArray[np.float64]) -> NDArray[np.int64]:
        symbols: NDArray[np.int32] = self._coder.decode(_CATEGORICAL, counts)
        return symbols.astype(np.int64)
