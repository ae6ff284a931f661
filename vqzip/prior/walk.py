"""One walk over the codes of a level, for encoder, decoder and sampler alike.

The walk asks a `LevelModel` for the parameters of the next codes, and a `CodeSource` for the codes
themselves; only the source knows whether they come from a stream, go to one, or are drawn. So the
two directions cannot drift apart.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol, TypeVar

import numpy as np
from numpy.typing import NDArray

from vqzip.prior.order import Order
from vqzip.prior.parameters import Parameters

_KNOWN_POSITIONS = 4096
"""Positions that `walk_known` computes together; the stream does not depend on it."""

Entry = TypeVar("Entry", bound=np.generic)


@dataclass(frozen=True)
class Place:
    """Where codes lie: the channels of one stage at a span of positions.

    Args:
        level: number of the level, coarse first.
        channels: `(g,)` channels of the level's codes.
        order: of the level's positions.
        span: n of them.
    """

    level: int
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
    """Where codes come from, one step and stage at a time."""

    def codes(self, place: Place, parameters: Parameters, /) -> NDArray[np.int64]:
        """Return the codes `(n, g)` int64 of a place.

        Args:
            place: n positions and g channels.
            parameters: what the prior says of them.
        """


class LevelModel(Protocol):
    """The prior of one level while the level is walked.

    For every span of positions the walk calls, for stage 0, 1, ...: `parameters`, then `learn`.
    """

    @property
    def level(self) -> int:
        """Number of the level."""

    @property
    def order(self) -> Order:
        """Order of the level's positions."""

    @property
    def stages(self) -> Sequence[NDArray[np.intp]]:
        """Channels of each stage that is coded, in coding order."""

    def parameters(self, span: slice, stage: int) -> Parameters:
        """Return the parameters of a stage at a span of the order, given what was learned."""

    def learn(self, span: slice, stage: int, codes: NDArray[np.int64]) -> None:
        """Take note of the codes `(n, g)` of a stage at a span of the order."""


def walk(model: LevelModel, source: CodeSource, channels: int) -> NDArray[np.int32]:
    """Walk a level step by step.

    Args:
        model: the level's prior; it learns every code.
        source: gives the codes.
        channels: codes a position, of which `model` may code only some; the others stay 0.

    Returns:
        `(channels, H, W)` int32 codes.
    """
    order = model.order
    coded = sum(len(stage) for stage in model.stages)
    # In stage order, so that the codes of a stage are a run of columns.
    codes = np.empty((order.positions, coded), np.int32)
    for step in order.steps():
        start = 0
        for number, stage in enumerate(model.stages):
            place = Place(model.level, stage, order, step)
            chosen = source.codes(place, model.parameters(step, number))
            model.learn(step, number, chosen)
            codes[step, start : start + len(stage)] = chosen
            start += len(stage)
    in_channel_order = np.zeros((order.positions, channels), np.int32)
    in_channel_order[:, np.concatenate(model.stages)] = codes
    return order.to_map(in_channel_order)


def walk_known(model: LevelModel, source: CodeSource, codes: NDArray[np.int32]) -> None:
    """Show known codes to a source, in the very calls that `walk` would make.

    Faster than `walk`, for parameters are computed for many steps at once.

    Args:
        model: the level's prior, which has been told all of `codes` as context.
        source: sees every step; what it answers is ignored, so it must know the same codes.
        codes: `(C, H, W)` int32.
    """
    order = model.order
    for group in order.groups(_KNOWN_POSITIONS):
        span = slice(group[0].start, group[-1].stop)
        known = parameters_known(model, span, codes)
        for step in group:
            part = slice(step.start - span.start, step.stop - span.start)
            for parameters, stage in zip(known, model.stages, strict=True):
                place = Place(model.level, stage, order, step)
                source.codes(place, parameters.part(part))


def parameters_known(
    model: LevelModel, span: slice, codes: NDArray[np.int32]
) -> tuple[Parameters, ...]:
    """Return the parameters of every stage at any span of the order, from known codes.

    Args:
        model: the level's prior, which has been told all of `codes` as context.
        span: positions of the order.
        codes: `(C, H, W)` int32.
    """
    known = []
    for number, stage in enumerate(model.stages):
        known.append(model.parameters(span, number))
        place = Place(model.level, stage, model.order, span)
        model.learn(span, number, place.of(codes).astype(np.int64))
    return tuple(known)
