"""Sources of the codes of a step: known, written, read or sampled codes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol, TypeVar

import numpy as np
from numpy.typing import NDArray

from vqzip.entropy.ans import AnsReader, AnsWriter
from vqzip.prior.numpy.parameters import Parameters
from vqzip.prior.order import Order

Entry = TypeVar("Entry", bound=np.generic)


@dataclass(frozen=True)
class Place:
    """The place of codes: the channels of one stage at a span of positions.

    Args:
        channels: `(g,)` channels of the level's codes.
        order: of the level's positions.
        span: n of them.
    """

    channels: NDArray[np.intp]
    order: Order
    span: slice

    @property
    def rows(self) -> NDArray[np.intp]:
        """Return the `(n,)` rows of the map."""
        return self.order.rows[self.span]

    @property
    def columns(self) -> NDArray[np.intp]:
        """Return the `(n,)` columns of the map."""
        return self.order.columns[self.span]

    def of(self, channels_first: NDArray[Entry]) -> NDArray[Entry]:
        """Return the entries `(n, g)` of a `(C, H, W)` array at this place."""
        return self.order.of_map(channels_first, self.span).take(self.channels, axis=1)


class CodeSource(Protocol):
    """Source of codes, one step and stage at a time."""

    def codes(self, place: Place, parameters: Parameters, /) -> NDArray[np.int64]:
        """Return the codes `(n, g)` int64 of a place.

        Args:
            place: n positions and g channels.
            parameters: their distributions.
        """


@dataclass(frozen=True)
class Known:
    """Known codes, `(C, H, W)` int32."""

    map: NDArray[np.int32]

    def codes(self, place: Place, _parameters: Parameters) -> NDArray[np.int64]:
        """Return the codes of a place; see `CodeSource`."""
        return place.of(self.map).astype(np.int64)


@dataclass(frozen=True)
class Written:
    """Writes the codes of another source, and returns them."""

    source: CodeSource
    writer: AnsWriter

    def codes(self, place: Place, parameters: Parameters) -> NDArray[np.int64]:
        """Write the codes of a place; see `CodeSource`."""
        return parameters.exchange(self.writer, self.source.codes(place, parameters))


@dataclass(frozen=True)
class Read:
    """Reads codes from a stream."""

    reader: AnsReader

    def codes(self, _place: Place, parameters: Parameters) -> NDArray[np.int64]:
        """Read the codes of a place; see `CodeSource`."""
        return parameters.exchange(self.reader, np.zeros(parameters.shape, np.int64))


class Drawn:
    """Samples codes.

    Args:
        generator: source of randomness.
        temperature: above 0; every symbol's distribution is raised to 1 / temperature.
    """

    def __init__(self, generator: np.random.Generator, temperature: float) -> None:
        self._port = _DrawingPort(generator, 1.0 / temperature)

    def codes(self, _place: Place, parameters: Parameters) -> NDArray[np.int64]:
        """Sample the codes of a place; see `CodeSource`."""
        return parameters.exchange(self._port, np.zeros(parameters.shape, np.int64))


@dataclass(frozen=True)
class _DrawingPort:
    """A `SymbolPort` that samples every symbol."""

    generator: np.random.Generator
    power: float

    def exchange(
        self, table: NDArray[np.float64], rows: NDArray[np.intp], _symbols: NDArray[np.int64]
    ) -> NDArray[np.int64]:
        return self._draw(table[rows])

    def exchange_counts(
        self, counts: NDArray[np.int64], _symbols: NDArray[np.int64]
    ) -> NDArray[np.int64]:
        return self._draw(counts.astype(np.float64))

    def _draw(self, counts: NDArray[np.float64]) -> NDArray[np.int64]:
        weights = (counts / counts.max(-1, keepdims=True)) ** self.power
        cumulative = weights.cumsum(-1)
        threshold = self.generator.random(len(counts)) * cumulative[:, -1]
        symbols: NDArray[np.int64] = (cumulative[:, :-1] <= threshold[:, None]).sum(-1)
        return symbols
