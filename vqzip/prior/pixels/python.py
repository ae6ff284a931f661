"""The pixel prior in Python: what `source/pixels.h` computes, sample by sample, hundreds of times slower."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np

from vqzip.entropy.ans import stream_words
from vqzip.errors import CodingError, InvalidFile
from vqzip.prior.pixels.backend import Samples
from vqzip.prior.pixels.context import Tile, find_context, in_errors
from vqzip.prior.pixels.mixture import Mixture, mixture_of
from vqzip.prior.pixels.model import PixelPrior
from vqzip.prior.pixels.predictor import Predictor
from vqzip.prior.pixels.repeat import Repeats
from vqzip.prior.pixels.spec import INPUTS, POINT_BITS, UNIT

Exchange = Callable[[Mixture, int], int]
"""Takes the distribution of a sample and the sample, and returns the one that counts."""


class PythonPixels:
    """Codes tiles of samples; see `PixelBackend`."""

    def __init__(self, prior: PixelPrior) -> None:
        self._prior = prior

    def write(self, samples: Samples, depth: int, known: int) -> bytes:
        """Return the stream of a tile; see `PixelBackend`."""
        if int(samples.max()) >> depth:
            raise CodingError(f"samples must have at most {depth} bits.")
        symbols: list[tuple[int, int]] = []

        def exchange(mixture: Mixture, sample: int) -> int:
            start = mixture.boundary(sample)
            symbols.append((start, mixture.boundary(sample + 1) - start))
            return sample

        self._walk(samples, depth, known, exchange)
        return _stack(symbols)

    def read(self, data: bytes, samples: Samples, depth: int, known: int) -> None:
        """Fill in the samples of a tile; see `PixelBackend`."""
        stack = _Stack(data)
        self._walk(samples, depth, known, lambda mixture, _: stack.pop(mixture))
        if stack.state or stack.words:
            raise InvalidFile("a stream does not end where its samples do: the file is damaged.")

    def _walk(self, samples: Samples, depth: int, known: int, exchange: Exchange) -> None:
        planes, height, width = samples.shape
        tile = Tile(planes, height, width, depth)
        for plane in range(planes):
            first = self._prior.first_weights[1 if known else 0, plane]
            predictor, repeats = Predictor(first, INPUTS[plane]), Repeats()
            for y in range(height):
                tile.pad_before(plane, y)
                for x in range(width):
                    context = find_context(tile, plane, y, x, predictor, self._prior)
                    sample = int(samples[plane, y, x])
                    if not known or y % known or x % known:
                        mixture = mixture_of(self._prior, plane, context, depth)
                        repeat, repeated = repeats.find(
                            tile, plane, y, x, context.base, mixture.symbols
                        )
                        mixture = replace(mixture, repeated=repeated, share=repeat.share)
                        sample = exchange(mixture, sample)
                        repeat.learn(mixture, sample)
                        samples[plane, y, x] = sample
                    tile.put(plane, y, x, sample, context.prediction)
                    one = int(self._prior.reciprocal[context.expected])
                    inputs = [in_errors(value * UNIT, one) for value in context.inputs]
                    target = in_errors((sample - context.base - context.reference) * UNIT, one)
                    predictor.learn(inputs, target, x % 2)
                tile.pad_after(plane, y)
            tile.pad_below(plane)


def _stack(symbols: list[tuple[int, int]]) -> bytes:
    """Return the words of symbols, the last one first; see `vqzip.entropy.ans`."""
    words, state = [], 0
    for start, width in reversed(symbols):
        if state >= width << 40:
            words.append(state & 0xFFFFFFFF)
            state >>= 32
        state = (state // width << POINT_BITS) + start + state % width
    while state:
        words.append(state & 0xFFFFFFFF)
        state >>= 32
    return np.array(words, "<u4").tobytes()


class _Stack:
    """The reading side of rANS."""

    def __init__(self, data: bytes) -> None:
        self.words = stream_words(data).tolist()
        self.state = 0
        self._fill()
        self._fill()

    def _fill(self) -> None:
        if self.state < 1 << 32 and self.words:
            self.state = self.state << 32 | self.words.pop()

    def pop(self, mixture: Mixture) -> int:
        point = self.state & ((1 << POINT_BITS) - 1)
        symbol = mixture.find(point)
        start = mixture.boundary(symbol)
        width = mixture.boundary(symbol + 1) - start
        self.state = (self.state >> POINT_BITS) * width + point - start
        self._fill()
        return symbol
