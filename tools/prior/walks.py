"""Walks through all levels of a picture with a prior, which can record its parameters."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from vqzip.prior.backend import (
    Backend,
    KnownCodes,
    RandomCodes,
    Source,
    State,
    StreamCodes,
    Writer,
)
from vqzip.prior.exact import ExactPrior
from vqzip.prior.exact.prior import Condition
from vqzip.prior.numpy.backend import NumpyBackend
from vqzip.prior.numpy.codebooks import CodebookParameters
from vqzip.prior.numpy.grids import GridParameters
from vqzip.prior.numpy.parameters import Parameters
from vqzip.prior.numpy.sources import CodeSource, Place
from vqzip.prior.numpy.steps import code_steps, parameters_known
from vqzip.prior.order import Order
from vqzip.prior.walk import PriorWalk, backend_for
from vqzip.quality import Quality

Codes = list[NDArray[np.int32]]


@dataclass(frozen=True)
class Picture:
    """Size in pixels and what conditions the prior."""

    height: int
    width: int
    quality_step: int = 0
    gray: bool = False

    def shape(self, stride: int) -> tuple[int, int]:
        return -(-self.height // stride), -(-self.width // stride)

    def walk(self, backend: Backend) -> PriorWalk:
        return PriorWalk(backend, Quality(self.quality_step), gray=self.gray)


def write(backend: Backend, picture: Picture, codes: Codes) -> tuple[bytes, list[float]]:
    """Return a stream of known codes, and the code length of each level in bits."""
    return write_from(backend, picture, [_known(level) for level in codes])[1:]


def _known(codes: NDArray[np.int32]) -> Callable[[Writer], Source]:
    return lambda writer: KnownCodes(codes, writer)


def write_from(
    backend: Backend, picture: Picture, sources: Sequence[Callable[[Writer], Source]]
) -> tuple[Codes, bytes, list[float]]:
    """Return codes, their stream, and the code length of each level in bits."""
    walk, writer = picture.walk(backend), backend.writer()
    codes, bits = [], []
    for source in sources:
        before = writer.code_length_bits()
        codes.append(walk.code(source(writer)))
        bits.append(writer.code_length_bits() - before)
    return codes, writer.finish(), bits


def read(backend: Backend, strides: Sequence[int], picture: Picture, data: bytes) -> Codes:
    """Return the codes of a stream, which ends with them."""
    walk, reader = picture.walk(backend), backend.reader(data)
    codes = [walk.code(StreamCodes(picture.shape(stride), reader)) for stride in strides]
    reader.finish()
    return codes


def draw(
    prior: ExactPrior, strides: Sequence[int], picture: Picture, seed: int, temperature: float = 1.0
) -> Codes:
    """Return codes that are drawn from the prior."""
    walk, rng = picture.walk(backend_for(prior)), np.random.default_rng(seed)
    return [walk.code(RandomCodes(picture.shape(s), rng, temperature)) for s in strides]


def numbers(parameters: Parameters) -> NDArray[np.int64]:
    """Return parameters as one array `(n, g, numbers a code)`."""
    if isinstance(parameters, GridParameters):
        return np.stack([parameters.mean16, parameters.scale], axis=-1)
    assert isinstance(parameters, CodebookParameters)
    return parameters.counts


@dataclass(frozen=True)
class Asked:
    """What a level's code source was asked with."""

    source: CodeSource
    places: list[Place] = field(default_factory=list)
    parameters: list[Parameters] = field(default_factory=list)

    def codes(self, place: Place, parameters: Parameters) -> NDArray[np.int64]:
        self.places.append(place)
        self.parameters.append(parameters)
        return self.source.codes(place, parameters)

    def by_place(self) -> dict[tuple[int, int, int], list[int]]:
        """Return the numbers by channel, row and column."""
        found = {}
        for place, asked in zip(self.places, map(numbers, self.parameters), strict=True):
            for n, (row, column) in enumerate(zip(place.rows, place.columns, strict=True)):
                for g, channel in enumerate(place.channels):
                    found[int(channel), int(row), int(column)] = asked[n, g].tolist()
        return found


class RecordingBackend(NumpyBackend):
    """Passes every code step by step, known ones too, and keeps what it was asked with.

    Attributes:
        asked: a level each.
    """

    def __init__(self, prior: ExactPrior) -> None:
        super().__init__(prior)
        self.asked: list[Asked] = []

    def code(
        self, level: int, source: Source, state: State, condition: Condition
    ) -> NDArray[np.int32]:
        run = self.run(level, source.shape, state, condition)
        code_source = self.code_source(level, source, run.order)
        return code_steps(run, code_source, self.prior.levels[level].channels)

    def code_source(self, level: int, source: Source, order: Order) -> CodeSource:
        self.asked.append(Asked(super().code_source(level, source, order)))
        return self.asked[-1]


class _KnownBackend(NumpyBackend):
    """Computes the parameters of known codes, a level at once."""

    def __init__(self, prior: ExactPrior) -> None:
        super().__init__(prior)
        self.found: list[tuple[Parameters, ...]] = []

    def code(
        self, level: int, source: Source, state: State, condition: Condition
    ) -> NDArray[np.int32]:
        assert isinstance(source, KnownCodes)
        run = self.run(level, source.shape, state, condition)
        run.context.add_map(source.codes)
        self.found.append(parameters_known(run, slice(0, run.order.positions), source.codes))
        return source.codes


def parameters_of(
    prior: ExactPrior, picture: Picture, codes: Codes
) -> list[tuple[Parameters, ...]]:
    """Return what a prior says of known codes: by level and stage, for positions in coding order."""
    backend = _KnownBackend(prior)
    write(backend, picture, codes)
    return backend.found
