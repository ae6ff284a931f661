"""rANS in plain Python, written from docs/format.md; `vqzip.coding.ans` must give the same words.

State: 64 bits. Words: 32 bits. Probabilities: 24 bits. A row of K counts that sums to 2^16 becomes
K intervals of 0..2^24 that begin at floor(cum * (2^24 - K) / 2^16) + i.
"""

from __future__ import annotations

from collections.abc import Sequence

PRECISION = 24
WORD = 32


def interval(counts: Sequence[int], symbol: int) -> tuple[int, int]:
    """Return where a symbol's interval begins, and its width."""

    def boundary(index: int) -> int:
        if index == len(counts):
            return 1 << PRECISION
        return (sum(counts[:index]) * ((1 << PRECISION) - len(counts)) >> 16) + index

    return boundary(symbol), boundary(symbol + 1) - boundary(symbol)


def encode(rows: Sequence[Sequence[int]], symbols: Sequence[int]) -> list[int]:
    """Return the words of symbols given in coding order."""
    words = []
    state = 0
    for counts, symbol in zip(reversed(rows), reversed(symbols), strict=True):
        begin, width = interval(counts, symbol)
        if state >= width << 64 - PRECISION:
            words.append(state & ((1 << WORD) - 1))
            state >>= WORD
        state = (state // width << PRECISION) + begin + state % width
    while state:
        words.append(state & ((1 << WORD) - 1))
        state >>= WORD
    return words


def decode(rows: Sequence[Sequence[int]], words: Sequence[int]) -> tuple[list[int], bool]:
    """Return the symbols, and whether the words are used up exactly."""
    left = list(words)
    state = 0
    while left and state < 1 << WORD:
        state = state << WORD | left.pop()
    symbols = []
    for counts in rows:
        point = state & ((1 << PRECISION) - 1)
        symbol = 0
        while point >= sum(interval(counts, symbol)):
            symbol += 1
        begin, width = interval(counts, symbol)
        symbols.append(symbol)
        state = (state >> PRECISION) * width + point - begin
        if state < 1 << WORD and left:
            state = state << WORD | left.pop()
    return symbols, state == 0 and not left
