"""The seam between the prior and what runs it.

A backend runs a whole level at a time, so that fast code has no call back into Python for every step.
Where the codes of the level come from is one of four closed inputs: codes that are known, codes that are
chosen by rate and distortion, a stream, random numbers. `vqzip.prior.numpy` is the reference; every other
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
"""Running state `(H, W, channels)`: what a level knows of the coarser ones."""


class Writer(Protocol):
    """A stream that is written; levels that share a stream are written one after another."""

    def code_length_bits(self) -> float:
        """Return the sum of -log2(probability) over the codes so far."""

    def finish(self) -> bytes:
        """Return the stream; its length is a multiple of four bytes."""


class Reader(Protocol):
    """A stream that is read."""

    def finish(self) -> None:
        """Check that the stream is used up.

        Raises:
            InvalidFile: it is not.
        """


@dataclass(frozen=True)
class KnownCodes:
    """Codes to be written.

    Args:
        codes: `(C, H, W)` int32.
        writer: of the same backend.
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
    """Codes to be chosen by rate and distortion, and written.

    The chosen code has the least squared error + price * bits; what is coded later profits from it.

    Args:
        choice: latents, and the price of a bit.
        writer: of the same backend.
    """

    choice: Choice
    writer: Writer

    @property
    def shape(self) -> tuple[int, int]:
        """(H, W) of the map."""
        return self.choice.shape


@dataclass(frozen=True)
class StreamCodes:
    """Codes to be read.

    Args:
        shape: (H, W) of the map.
        reader: of the same backend.
    """

    shape: tuple[int, int]
    reader: Reader


@dataclass(frozen=True)
class RandomCodes:
    """Codes to be drawn from the prior: ancestral sampling (van den Oord et al. 2016).

    Args:
        shape: (H, W) of the map.
        generator: source of randomness.
        temperature: above 0; every symbol's distribution is raised to 1 / temperature, so 1 is the prior
            itself and less gives more probable codes.

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
        """The prior that it runs."""

    @property
    def threads(self) -> int:
        """How many threads may call it at once and gain by it."""

    def writer(self) -> Writer:
        """Return an empty stream."""

    def reader(self, data: bytes) -> Reader:
        """Return a stream that is read from its bytes.

        Raises:
            InvalidFile: the bytes cannot be a stream.
        """

    def code(
        self, level: int, source: Source, state: State, condition: Condition, /
    ) -> NDArray[np.int32]:
        """Pass the codes of a level.

        Args:
            level: number of the level, coarse first.
            source: where the codes come from.
            state: `(H, W, channels)` or larger, what the level knows of the coarser ones.
            condition: of the picture.

        Returns:
            `(C, H, W)` int32 codes; those of stages that are not coded are 0.

        Raises:
            CodingError: a code to be written is outside its alphabet.
            InvalidFile: a stream is damaged.
        """

    def next_state(
        self, level: int, codes: NDArray[np.int32], state: State, condition: Condition, /
    ) -> State:
        """Return the state of the next level, `(H, W, next)`, or `(2H, 2W, next)` where strides halve.

        Args:
            level: number of a level that is not the last.
            codes: `(C, H, W)` int32 of that level.
            state: that the level had.
            condition: of the picture.
        """
