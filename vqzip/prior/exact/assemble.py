"""Levels of the prior from named tensors, every shape checked against the configuration.

A position's features are kept in *stage order*: the features of the first stage's codes, code after
code, then those of the second stage, and so on. Weights in a model folder are in *channel order*;
they are permuted once, here.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from vqzip.errors import ModelError
from vqzip.hierarchy import CONTEXT_TILE, Hierarchy
from vqzip.prior.config import PriorConfig, PriorLevelConfig, check_prior
from vqzip.prior.exact.codebooks import Codebook
from vqzip.prior.exact.dense import IntegerDense
from vqzip.prior.exact.grids import Grid
from vqzip.prior.exact.level import CodeKind, LevelPrior, StagePrior
from vqzip.prior.exact.ranges import largest_inputs
from vqzip.prior.exact.tensors import Tensors, TensorTaker
from vqzip.prior.spec import CONTEXT_TAPS

KINDS: dict[str, type[Grid | Codebook]] = {"logistic": Grid, "categorical": Codebook}
"""What is known of a level's codes, by the head of the prior."""


def assemble_levels(
    hierarchy: Hierarchy, prior: PriorConfig, tensors: Tensors
) -> tuple[LevelPrior, ...]:
    """Build every level; see `ExactPrior.from_tensors`.

    Raises:
        ModelError: configuration and tensors do not fit, or a bound does not hold.
    """
    check_prior(hierarchy, prior)
    taker = TensorTaker(tensors, hierarchy.quality_steps * prior.modes)
    kinds = KINDS[prior.head].take(taker, hierarchy.levels, prior.embedding)
    taker.largest_inputs = largest_inputs(hierarchy, prior, [kind.largest for kind in kinds])
    levels = []
    for number, (level, config) in enumerate(zip(hierarchy.levels, prior.levels, strict=True)):
        kind = kinds[number]
        update, kernels = _update(taker, hierarchy, prior, number, kind)
        state_layer, taps_layer = _first(taker, number, config, kind)
        levels.append(
            LevelPrior(
                level=number,
                channels=level.channels,
                side=CONTEXT_TILE // level.stride,
                state_layer=state_layer,
                taps_layer=taps_layer,
                stages=_stages(taker, number, config, kind),
                update=update,
                update_kernels=kernels,
                upsample=bool(update) and hierarchy.levels[number + 1].stride < level.stride,
                neighbour_mean=config.neighbour_mean,
                kind=kind,
            )
        )
    taker.expect_all_taken()
    return tuple(levels)


def _feature_order(kind: CodeKind, config: PriorLevelConfig) -> NDArray[np.intp]:
    """Return, for a position's features in stage order, where each lies in channel order."""
    channels = np.concatenate([stage.channels for stage in config.stages])
    return kind.columns(channels, len(channels))


def _first(
    taker: TensorTaker, number: int, config: PriorLevelConfig, kind: CodeKind
) -> tuple[IntegerDense, IntegerDense]:
    """Return the parts of the first layer that see the running state and the taps."""
    order = _feature_order(kind, config)
    first = taker.dense(f"levels.{number}.first", config.hidden)
    taps = [config.state + tap * len(order) + order for tap in range(len(CONTEXT_TAPS))]
    return first.rows(slice(config.state)), first.rows(np.concatenate(taps))


def _stages(
    taker: TensorTaker, number: int, config: PriorLevelConfig, kind: CodeKind
) -> tuple[StagePrior, ...]:
    stages = []
    order = np.arange(config.hidden)
    for index, stage in enumerate(config.stages):
        name = f"levels.{number}.stages.{index}"
        codes = len(stage.channels)
        stages.append(
            StagePrior(
                channels=np.array(stage.channels, np.intp),
                hidden=taker.dense(f"{name}.hidden", stage.hidden).rows(order),
                out=taker.dense(f"{name}.out", codes * kind.outputs),
            )
        )
        # In a model folder, the features of each stage are in channel order among themselves.
        own = kind.columns(np.arange(codes), codes)
        order = np.concatenate([order, len(order) + own])
    return tuple(stages)


def _update(
    taker: TensorTaker, hierarchy: Hierarchy, prior: PriorConfig, number: int, kind: CodeKind
) -> tuple[tuple[IntegerDense, ...], tuple[int, ...]]:
    """Return the layers of a level's update and their kernels, none for the last level."""
    config = prior.levels[number]
    if number + 1 == len(prior.levels):
        if config.update:
            raise ModelError("the last level of a prior has no running state to update.")
        return (), ()
    halves = hierarchy.levels[number + 1].stride < hierarchy.levels[number].stride
    outputs = prior.levels[number + 1].state * (4 if halves else 1)
    kernels = (*(layer.kernel for layer in config.update), 1)
    widths = (*(layer.width for layer in config.update), outputs)
    layers = []
    for index, (kernel, width) in enumerate(zip(kernels, widths, strict=True)):
        if kernel not in (1, 3):
            raise ModelError(f"kernels of a prior's update are 1 or 3, got {kernel}.")
        layers.append(taker.dense(f"levels.{number}.update.{index}", width))
    order = _feature_order(kind, config)
    tap = np.concatenate([np.arange(config.state), config.state + order])
    rows = [place * len(tap) + tap for place in range(kernels[0] ** 2)]
    layers[0] = layers[0].rows(np.concatenate(rows))
    return tuple(layers), kernels
