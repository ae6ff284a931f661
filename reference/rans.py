"""The writing side of rANS in plain Python; `vqzip.entropy.ans` must give the same words.

`reference.decoder.Stack` is the reading side; docs/reference/format.md describes both.
"""

from __future__ import annotations

import struct
from collections.abc import Sequence

from reference.decoder import Stack, boundary


def encode(rows: Sequence[Sequence[int]], symbols: Sequence[int]) -> list[int]:
    """Return the words of symbols given in coding order."""
    words = []
    state = 0
    for counts, symbol in zip(reversed(rows), reversed(symbols), strict=True):
        begin = boundary(counts, symbol)
        width = boundary(counts, symbol + 1) - begin
        if state >= width << 40:
            words.append(state & 0xFFFFFFFF)
            state >>= 32
        state = (state // width << 24) + begin + state % width
    while state:
        words.append(state & 0xFFFFFFFF)
        state >>= 32
    return words


def decode(rows: Sequence[Sequence[int]], words: Sequence[int]) -> tuple[list[int], bool]:
    """Return the symbols, and whether the words are used up exactly."""
    stack = Stack(struct.pack(f"<{len(words)}I", *words))
    symbols = [stack.pop(counts) for counts in rows]
    return symbols, stack.is_empty
