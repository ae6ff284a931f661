"""The interface between the prior and the backends that run it.

A backend runs a whole level at a time, so that fast code does not call back into Python at every step. The
codes of the level come from one of four sources: known codes, codes chosen by rate and distortion, a stream,
or random numbers. `vqzip.prior.numpy` is the reference; every other
backend must give the same codes and the same streams.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from vqzip.codes import Choice
from vqzip.errors import CodingError
from vqzip.prior.exact.prior import Condition, ExactPrior

State = NDArray[np.int16]
"""Running state `(H, W, channels)`: the information of a level about the coarser levels."""


class Writer(Protocol):
    """A stream to write; levels that share a stream are written one after another."""

    def code_length_bits(self) -> float:
        """Return the sum of -log2(probability) over the codes so far."""

    def finish(self) -> bytes:
        """Return the stream; its length is a multiple of four bytes."""


class Reader(Protocol):
    """A stream to read."""

    def words_left(self) -> int:
        """Return how many 32-bit words were not read yet."""

    def finish(self) -> None:
        """Check that the stream was read to its end.

        Raises:
            InvalidFile: it was not.
        """


@dataclass(frozen=True)
class KnownCodes:
    """Known codes to write.

    Args:
        codes: `(C, H, W)` int32.
        writer: a stream of the same backend.
    """

    codes: NDArray[np.int32]
    writer: Writer

    @property
    def shape(self) -> tuple[int, int]:
        """(H, W) of the map."""
        _, height, width = self.codes.shape
        return height, width


@dataclass(frozen=True)
class ChosenCodes:
    """Codes to choose by rate and distortion, and to write.

    The chosen code has the smallest squared error + price * bits.

    Args:
        choice: latents, and the price of a bit.
        writer: a stream of the same backend.
    """

    choice: Choice
    writer: Writer

    @property
    def shape(self) -> tuple[int, int]:
        """(H, W) of the map."""
        return self.choice.shape


@dataclass(frozen=True)
class StreamCodes:
    """Codes to read.

    Args:
        shape: (H, W) of the map.
        reader: a stream of the same backend.
    """

    shape: tuple[int, int]
    reader: Reader


@dataclass(frozen=True)
class RandomCodes:
    """Codes to sample from the prior: ancestral sampling (van den Oord et al. 2016).

    Args:
        shape: (H, W) of the map.
        generator: source of randomness.
        temperature: above 0; the distribution of every symbol is raised to the power 1 / temperature.
            1 is the prior itself; smaller values give more probable codes.

    Raises:
        CodingError: the temperature is not above 0.
    """

    shape: tuple[int, int]
    generator: np.random.Generator
    temperature: float

    def __post_init__(self) -> None:
        if not self.temperature > 0:
            raise CodingError(f"the temperature must be above 0, got {self.temperature}.")


Source = KnownCodes | ChosenCodes | StreamCodes | RandomCodes


class Backend(Protocol):
    """Runs the levels of one prior. Use it through `vqzip.prior.walk.PriorWalk`."""

    @property
    def prior(self) -> ExactPrior:
        """The prior that this backend runs."""

    @property
    def threads(self) -> int:
        """How many threads can usefully call it at once."""

    def writer(self) -> Writer:
        """Return an empty stream."""

    def reader(self, data: bytes) -> Reader:
        """Return a stream that reads these bytes.

        Raises:
            InvalidFile: the bytes cannot be a stream.
        """

    def code(
        self, level: int, source: Source, state: State, condition: Condition, /
    ) -> NDArray[np.int32]:
        """Take the codes of a level from their source.

        Args:
            level: number of the level, coarse first.
            source: where the codes come from.
            state: `(H, W, channels)` or larger, the running state of the level.
            condition: of the picture.

        Returns:
            `(C, H, W)` int32 codes; 0 for stages that are not coded.

        Raises:
            CodingError: a code to write is outside its alphabet.
            InvalidFile: a stream is damaged.
        """

    def next_state(
        self, level: int, codes: NDArray[np.int32], state: State, condition: Condition, /
    ) -> State:
        """Return the state of the next level, `(H, W, next)`, or `(2H, 2W, next)` where strides halve.

        Args:
            level: number of a level that is not the last.
            codes: `(C, H, W)` int32 of that level.
            state: the running state of that level.
            condition: of the picture.
        """
