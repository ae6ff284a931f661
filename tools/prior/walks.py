"""Passing all levels of a picture through a prior."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from vqzip.prior.exact import ExactPrior
from vqzip.prior.parameters import CategoricalParameters, LogisticParameters, Parameters
from vqzip.prior.walk import CodeSource, Place

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


def walk_all(
    prior: ExactPrior, strides: tuple[int, ...], picture: Picture, source: CodeSource
) -> Codes:
    """Walk every level with one source; return its codes."""
    codes: Codes = []
    state = None
    quality_step, gray = picture.quality_step, picture.gray
    for level, stride in enumerate(strides):
        shape = picture.shape(stride)
        codes.append(prior.walk(level, shape, state, source, quality_step=quality_step, gray=gray))
        state = prior.advance(level, codes[-1], state, quality_step=quality_step, gray=gray)
    return codes


def walk_all_known(prior: ExactPrior, picture: Picture, codes: Codes, source: CodeSource) -> None:
    """Show known codes of every level to a source."""
    state = None
    quality_step, gray = picture.quality_step, picture.gray
    for level, known in enumerate(codes):
        prior.walk_known(level, known, state, source, quality_step=quality_step, gray=gray)
        state = prior.advance(level, known, state, quality_step=quality_step, gray=gray)


def numbers(parameters: Parameters) -> NDArray[np.int64]:
    """Return parameters as one array `(n, g, numbers a code)`."""
    if isinstance(parameters, LogisticParameters):
        return np.stack([parameters.mean16, parameters.scale], axis=-1)
    assert isinstance(parameters, CategoricalParameters)
    return parameters.counts


@dataclass
class Recorder:
    """Hands on another source's codes and keeps what it was asked with."""

    source: CodeSource
    asked: list[tuple[Place, NDArray[np.int64]]] = field(default_factory=list)

    def codes(self, place: Place, parameters: Parameters) -> NDArray[np.int64]:
        self.asked.append((place, numbers(parameters)))
        return self.source.codes(place, parameters)

    def of_level(self, level: int) -> dict[tuple[int, int, int], list[int]]:
        """Return the numbers by channel, row and column."""
        found = {}
        for place, asked in self.asked:
            if place.level == level:
                for n, (row, column) in enumerate(zip(place.rows, place.columns, strict=True)):
                    for g, channel in enumerate(place.channels):
                        found[int(channel), int(row), int(column)] = asked[n, g].tolist()
        return found
