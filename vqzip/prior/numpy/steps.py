"""The steps over the codes of a level, the same for encoder, decoder and sampler.

Every step gets the parameters of the next codes from a `LevelRun`, and the codes from a `CodeSource`. Only the
source knows whether they are read, written or sampled, so all directions run the same code.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from vqzip.prior.numpy.level import LevelRun
from vqzip.prior.numpy.parameters import Parameters
from vqzip.prior.numpy.sources import CodeSource, Place

_KNOWN_POSITIONS = 4096
"""Number of positions that `code_known` computes together; the stream does not depend on it."""


def code_steps(run: LevelRun, source: CodeSource, channels: int) -> NDArray[np.int32]:
    """Take the codes of a level from a source, step by step.

    Args:
        run: the prior of the level; it stores every code.
        source: gives the codes.
        channels: number of codes at a position; those that `run` does not code stay 0.

    Returns:
        `(channels, H, W)` int32 codes.
    """
    order = run.order
    coded = sum(len(stage) for stage in run.stages)
    # In stage order, so that the codes of a stage are adjacent columns.
    codes = np.empty((order.positions, coded), np.int32)
    for step in order.steps():
        start = 0
        for number, stage in enumerate(run.stages):
            place = Place(stage, order, step)
            chosen = source.codes(place, run.parameters(step, number))
            run.learn(step, number, chosen)
            codes[step, start : start + len(stage)] = chosen
            start += len(stage)
    in_channel_order = np.zeros((order.positions, channels), np.int32)
    in_channel_order[:, np.concatenate(run.stages)] = codes
    return order.to_map(in_channel_order)


def code_known(run: LevelRun, source: CodeSource, codes: NDArray[np.int32]) -> None:
    """Give known codes to a source, with the same calls as `code_steps`.

    Faster than `code_steps`, because parameters are computed for many steps at once.

    Args:
        run: the level's prior, to whose context all of `codes` were added.
        source: called for every step; its results are ignored, so it must have the same codes.
        codes: `(C, H, W)` int32.
    """
    order = run.order
    for group in order.groups(_KNOWN_POSITIONS):
        span = slice(group[0].start, group[-1].stop)
        known = parameters_known(run, span, codes)
        for step in group:
            part = slice(step.start - span.start, step.stop - span.start)
            for parameters, stage in zip(known, run.stages, strict=True):
                place = Place(stage, order, step)
                source.codes(place, parameters.part(part))


def parameters_known(
    run: LevelRun, span: slice, codes: NDArray[np.int32]
) -> tuple[Parameters, ...]:
    """Return the parameters of every stage at any span of the order, from known codes.

    Args:
        run: the level's prior, to whose context all of `codes` were added.
        span: positions of the order.
        codes: `(C, H, W)` int32.
    """
    known = []
    for number, stage in enumerate(run.stages):
        known.append(run.parameters(span, number))
        place = Place(stage, run.order, span)
        run.learn(span, number, place.of(codes).astype(np.int64))
    return tuple(known)
