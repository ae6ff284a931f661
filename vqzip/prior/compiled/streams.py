"""Streams of the compiled walk. They hold the same words as those of `vqzip.entropy.ans`."""

from __future__ import annotations

import ctypes
import math
import weakref

import numpy as np

from vqzip.entropy.ans import stream_words
from vqzip.errors import InvalidFile
from vqzip.prior.compiled import structures as c
from vqzip.prior.compiled.library import Library


class CompiledReader:
    """Reads a stream.

    Args:
        data: the stream's bytes.

    Attributes:
        structure: the structure that the library reads from.

    Raises:
        InvalidFile: the bytes cannot be a stream.
    """

    def __init__(self, data: bytes) -> None:
        self._words = stream_words(data)
        state, left = 0, len(self._words)
        while state < 1 << 32 and left:
            left -= 1
            state = state << 32 | int(self._words[left])
        self.structure = c.Reader(self._words.ctypes.data, left, state)

    def words_left(self) -> int:
        """Return how many words were not read yet."""
        return int(self.structure.left)

    def finish(self) -> None:
        """Check that the stream was read to its end.

        Raises:
            InvalidFile: some of it is left, or more was read than it had.
        """
        if self.structure.left or self.structure.state:
            raise InvalidFile("a code stream does not end where its codes do: the file is damaged.")


class CompiledWriter:
    """Collects symbols in coding order and turns them into a stream.

    Args:
        library: owner of the memory of the symbols.

    Attributes:
        structure: the structure that the library writes to.
    """

    def __init__(self, library: Library) -> None:
        self.structure = c.Writer(probability=1.0)
        self._functions = library.functions
        weakref.finalize(self, library.functions.vqz_free, ctypes.pointer(self.structure))

    def code_length_bits(self) -> float:
        """Return Σ -log2(count / 65536) over the symbols so far."""
        exponent, probability = int(self.structure.exponent), float(self.structure.probability)
        return 256.0 * exponent - math.log2(probability)

    def finish(self) -> bytes:
        """Return the stream: 32-bit words, little-endian, in the order in which they are stored."""
        words = np.empty(self.structure.count + 2, np.uint32)
        length = self._functions.vqz_finish(self.structure, words.ctypes.data)
        return words[:length].astype("<u4").tobytes()
