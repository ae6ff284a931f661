"""Code sources that read a stream, write one, or draw samples.

One object serves several levels in turn where these share a stream.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from vqzip.entropy.ans import AnsReader, AnsWriter
from vqzip.errors import CodingError
from vqzip.prior.parameters import Parameters
from vqzip.prior.walk import CodeSource, Place


class StreamDecoder:
    """Reads codes from a stream.

    Args:
        data: the stream's bytes.

    Raises:
        InvalidFile: the bytes cannot be a stream.
    """

    def __init__(self, data: bytes) -> None:
        self._reader = AnsReader(data)

    def codes(self, _place: Place, parameters: Parameters) -> NDArray[np.int64]:
        """Read the codes of a place; see `CodeSource`."""
        return parameters.exchange(self._reader, np.zeros(parameters.shape, np.int64))

    def finish(self) -> None:
        """Check that the stream is used up.

        Raises:
            InvalidFile: it is not.
        """
        self._reader.finish()


class StreamEncoder:
    """Writes the codes that another source chooses, and hands them on.

    Args:
        chooser: where the codes come from.
    """

    def __init__(self, chooser: CodeSource) -> None:
        self._chooser = chooser
        self._writer = AnsWriter()
        self._level: int | None = None
        self._bits: dict[int, float] = defaultdict(float)
        self._counted_bits = 0.0

    @property
    def code_length_bits(self) -> Mapping[int, float]:
        """Σ -log2(probability) of the codes so far, by level."""
        self._count_bits()
        return self._bits

    def codes(self, place: Place, parameters: Parameters) -> NDArray[np.int64]:
        """Choose and write the codes of a place; see `CodeSource`."""
        codes = self._chooser.codes(place, parameters)
        if place.level != self._level:
            self._count_bits()
            self._level = place.level
        parameters.exchange(self._writer, codes)
        return codes

    def finish(self) -> bytes:
        """Return the stream; its length is a multiple of four bytes."""
        return self._writer.finish()

    def _count_bits(self) -> None:
        """Count what was written since the last time as bits of the present level."""
        if self._level is not None:
            total = self._writer.code_length_bits()
            self._bits[self._level] += total - self._counted_bits
            self._counted_bits = total


class Sampler:
    """Draws codes from the prior: ancestral sampling (van den Oord et al. 2016).

    Args:
        rng: source of randomness.
        temperature: above 0; every symbol's distribution is raised to 1 / temperature, so 1 is
            the prior itself and less gives more probable codes.

    Raises:
        CodingError: the temperature is not above 0.
    """

    def __init__(self, rng: np.random.Generator, temperature: float) -> None:
        if not temperature > 0:
            raise CodingError(f"the temperature must be above 0, got {temperature}.")
        self._port = _DrawingPort(rng, temperature)

    def codes(self, _place: Place, parameters: Parameters) -> NDArray[np.int64]:
        """Draw the codes of a place; see `CodeSource`."""
        return parameters.exchange(self._port, np.zeros(parameters.shape, np.int64))


class _DrawingPort:
    """A `SymbolPort` that draws every symbol."""

    def __init__(self, rng: np.random.Generator, temperature: float) -> None:
        self._rng = rng
        self._power = 1.0 / temperature

    def exchange(
        self, table: NDArray[np.float64], rows: NDArray[np.intp], _symbols: NDArray[np.int64]
    ) -> NDArray[np.int64]:
        return self._draw(table[rows])

    def exchange_counts(
        self, counts: NDArray[np.int64], _symbols: NDArray[np.int64]
    ) -> NDArray[np.int64]:
        return self._draw(counts.astype(np.float64))

    def _draw(self, counts: NDArray[np.float64]) -> NDArray[np.int64]:
        weights = (counts / counts.max(-1, keepdims=True)) ** self._power
        cumulative = weights.cumsum(-1)
        threshold = self._rng.random(len(counts)) * cumulative[:, -1]
        symbols: NDArray[np.int64] = (cumulative[:, :-1] <= threshold[:, None]).sum(-1)
        return symbols
