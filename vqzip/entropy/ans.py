"""rANS: symbols to words and back. Only this module imports constriction.

The coder is constriction 0.5's `AnsCoder` (64-bit state, 32-bit words, 24-bit probabilities), used
in one way only. A row of K counts with sum 2^16 divides the range 2^24 at
`floor(cum_i * (2^24 - K) / 2^16) + i`, where cum_i is the sum of the counts before symbol i.
constriction computes these boundaries from float64 counts with `perfect=False`; float32 counts would
give other boundaries. `reference/rans.py` does the same in pure Python.

ANS is a stack: the symbol written last is read first. So the writer collects symbols in coding order
and pushes them backward at the end. The reader then gets them in coding order.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Protocol

import constriction
import numpy as np
from numpy.typing import NDArray

from vqzip.entropy.counts import bits_of_count
from vqzip.errors import InvalidFile, Truncated

_CATEGORICAL = constriction.stream.model.Categorical(perfect=False)
_WORD_BYTES = 4
_STATE_WORDS = 2
"""Words that the coder holds in its state; constriction counts them as if they were not read."""

_LONG_RUN = 1 << 14
"""Number of symbols after which a writer starts another run; this only limits memory."""


class SymbolPort(Protocol):
    """Exchanges symbols, in coding order, given their distributions.

    A writer stores the given symbols and returns them. A reader ignores them and returns the symbols
    of the stream. A sampler returns random symbols. So the code that says what is coded in which order
    exists once, for all directions.
    """

    def exchange(
        self, table: NDArray[np.float64], rows: NDArray[np.intp], symbols: NDArray[np.int64], /
    ) -> NDArray[np.int64]:
        """Exchange symbols whose distributions are rows of a constant table.

        Args:
            table: `(R, K)` float64 counts, K at least 2.
            rows: `(n,)` the row of the table for each symbol.
            symbols: `(n,)` int64 in 0..K-1; a reader ignores them.

        Returns:
            `(n,)` int64, the symbols to use.
        """

    def exchange_counts(
        self, counts: NDArray[np.int64], symbols: NDArray[np.int64], /
    ) -> NDArray[np.int64]:
        """Exchange symbols that each have a distribution of their own.

        Args:
            counts: `(n, K)` int64, K at least 2.
            symbols: `(n,)` int64 in 0..K-1; a reader ignores them.

        Returns:
            `(n,)` int64, the symbols to use.
        """


@dataclass(frozen=True)
class _TableRun:
    """Batches of symbols whose rows come from one table, which is kept by reference."""

    table: NDArray[np.float64]
    rows: list[NDArray[np.intp]] = field(default_factory=list)
    symbols: list[NDArray[np.int32]] = field(default_factory=list)

    def push(self, coder: constriction.stream.stack.AnsCoder) -> None:
        counts = self.table.take(np.concatenate(self.rows), axis=0)
        coder.encode_reverse(np.concatenate(self.symbols), _CATEGORICAL, counts)


def _code_length_bits(runs: Sequence[_TableRun]) -> float:
    """Return the bits of all runs that share a table; together, because most are short."""
    rows = np.concatenate([row for run in runs for row in run.rows])
    symbols = np.concatenate([symbol for run in runs for symbol in run.symbols])
    chosen = runs[0].table[rows, symbols]
    return float(bits_of_count().take(chosen.astype(np.intp)).sum())


@dataclass(frozen=True)
class _CountsBatch:
    """Symbols with rows of their own, stored in two bytes for each count."""

    counts_less_one: NDArray[np.uint16]
    symbols: NDArray[np.int32]

    def push(self, coder: constriction.stream.stack.AnsCoder) -> None:
        counts = self.counts_less_one.astype(np.float64) + 1.0
        coder.encode_reverse(self.symbols, _CATEGORICAL, counts)

    def code_length_bits(self) -> float:
        chosen = self.counts_less_one[np.arange(len(self.symbols)), self.symbols].astype(np.intp)
        return float(bits_of_count().take(chosen + 1).sum())


class AnsWriter:
    """Collects symbols in coding order and turns them into a stream."""

    def __init__(self) -> None:
        self._parts: list[_TableRun | _CountsBatch] = []
        self._counted_parts = 0
        self._counted_bits = 0.0
        # The next batch is added to this run if it has the same table, because small calls are slow.
        self._run: _TableRun | None = None
        self._run_symbols = 0

    def exchange(
        self, table: NDArray[np.float64], rows: NDArray[np.intp], symbols: NDArray[np.int64]
    ) -> NDArray[np.int64]:
        """Collect symbols whose rows come from a table; see `SymbolPort`."""
        run = self._run
        if run is None or run.table is not table or self._run_symbols > _LONG_RUN:
            self._run = run = _TableRun(table)
            self._run_symbols = 0
            self._parts.append(run)
        run.rows.append(rows)
        run.symbols.append(symbols.astype(np.int32))
        self._run_symbols += len(symbols)
        return symbols

    def exchange_counts(
        self, counts: NDArray[np.int64], symbols: NDArray[np.int64]
    ) -> NDArray[np.int64]:
        """Collect symbols with rows of their own; see `SymbolPort`."""
        self._run = None
        self._parts.append(_CountsBatch((counts - 1).astype(np.uint16), symbols.astype(np.int32)))
        return symbols

    def code_length_bits(self) -> float:
        """Return the sum of -log2(count / 65536) over the symbols so far."""
        self._run = None
        runs: dict[int, list[_TableRun]] = {}
        for part in self._parts[self._counted_parts :]:
            if isinstance(part, _TableRun):
                runs.setdefault(id(part.table), []).append(part)
            else:
                self._counted_bits += part.code_length_bits()
        self._counted_bits += sum(map(_code_length_bits, runs.values()))
        self._counted_parts = len(self._parts)
        return self._counted_bits

    def finish(self) -> bytes:
        """Return the stream: 32-bit words, little-endian, in storage order."""
        coder = constriction.stream.stack.AnsCoder()
        for part in reversed(self._parts):
            part.push(coder)
        words: NDArray[np.uint32] = coder.get_compressed()
        return words.astype("<u4").tobytes()


def stream_words(data: bytes) -> NDArray[np.uint32]:
    """Return the words of a stream.

    Raises:
        Truncated: the length is not a multiple of four.
        InvalidFile: the last word is zero, which no writer produces.
    """
    if len(data) % _WORD_BYTES:
        raise Truncated(f"a code stream of {len(data)} bytes does not consist of whole words.")
    words = np.frombuffer(data, "<u4").astype(np.uint32)
    if words.size and words[-1] == 0:
        raise InvalidFile("a code stream ends with a zero word: the file is damaged.")
    return words


class AnsReader:
    """Reads symbols from a stream.

    Args:
        data: the stream, as `AnsWriter.finish` returned it.

    Raises:
        Truncated: the length is not a multiple of four.
        InvalidFile: the last word is zero, which no writer produces.
    """

    def __init__(self, data: bytes) -> None:
        self._coder = constriction.stream.stack.AnsCoder(stream_words(data))

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

    def words_left(self) -> int:
        """Return how many words were not read yet."""
        return max(0, int(self._coder.num_words()) - _STATE_WORDS)

    def finish(self) -> None:
        """Check that the stream was read to its end.

        Raises:
            InvalidFile: some of it is left, or more was read than it had.
        """
        if not self._coder.is_empty():
            raise InvalidFile("a code stream does not end where its codes do: the file is damaged.")

    def _read(self, counts: NDArray[np.float64]) -> NDArray[np.int64]:
        symbols: NDArray[np.int32] = self._coder.decode(_CATEGORICAL, counts)
        return symbols.astype(np.int64)
