"""Levels of the prior from named tensors, every shape checked against the configuration."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from vqzip.configs import (
    CONTEXT_TILE,
    CodebookConfig,
    LevelConfig,
    PriorConfig,
    PriorLevelConfig,
    VqvaeConfig,
    check_prior,
)
from vqzip.entropy.grid_symbols import LogisticTables
from vqzip.errors import ModelError
from vqzip.prior.exact.contexts import CONTEXT_TAPS
from vqzip.prior.exact.dense import IntegerDense
from vqzip.prior.exact.features import EmbeddingFeatures, Features, MagnitudeFeatures, stage_order
from vqzip.prior.exact.heads import CategoricalHead, Head, LogisticHead
from vqzip.prior.exact.level import LevelPrior, StagePrior
from vqzip.prior.exact.ranges import largest_inputs

Entry = TypeVar("Entry", bound=np.generic)
Tensors = Mapping[str, NDArray[np.generic]]


def assemble_levels(
    vqvae: VqvaeConfig, prior: PriorConfig, tensors: Tensors
) -> tuple[LevelPrior, ...]:
    """Build every level; see `ExactPrior.from_tensors`.

    Raises:
        ModelError: configuration and tensors do not fit, or a bound does not hold.
    """
    check_prior(vqvae, prior)
    taker = _Taker(tensors, vqvae.quality_steps * prior.modes)
    shared_head = _logistic_head(taker) if prior.head == "logistic" else None
    features = [
        _features(taker, number, level, prior.embedding)
        for number, level in enumerate(vqvae.levels)
    ]
    taker.largest_inputs = largest_inputs(vqvae, prior, [kind.largest for kind in features])
    levels = []
    for number, (level, config) in enumerate(zip(vqvae.levels, prior.levels, strict=True)):
        head = shared_head or _categorical_head(level)
        update, kernels = _update(taker, vqvae, prior, number, features[number])
        state_layer, taps_layer = _first(taker, number, config, features[number])
        levels.append(
            LevelPrior(
                level=number,
                channels=level.channels,
                side=CONTEXT_TILE // level.stride,
                state_layer=state_layer,
                taps_layer=taps_layer,
                stages=_stages(taker, number, config, features[number], head),
                update=update,
                update_kernels=kernels,
                upsample=bool(update) and vqvae.levels[number + 1].stride < level.stride,
                neighbour_mean=config.neighbour_mean,
                features=features[number],
                head=head,
            )
        )
    taker.expect_all_taken()
    return tuple(levels)


def _feature_order(features: Features, config: PriorLevelConfig) -> NDArray[np.intp]:
    """Return, for a position's features in stage order, where each lies in channel order."""
    return stage_order(features, [np.array(stage.channels) for stage in config.stages])


def _first(
    taker: _Taker, number: int, config: PriorLevelConfig, features: Features
) -> tuple[IntegerDense, IntegerDense]:
    """Return the parts of the first layer that see the running state and the taps."""
    order = _feature_order(features, config)
    first = taker.dense(f"levels.{number}.first", config.hidden)
    taps = [config.state + tap * len(order) + order for tap in range(len(CONTEXT_TAPS))]
    return first.rows(slice(config.state)), first.rows(np.concatenate(taps))


def _stages(
    taker: _Taker, number: int, config: PriorLevelConfig, features: Features, head: Head
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
                out=taker.dense(f"{name}.out", codes * head.outputs),
            )
        )
        # In a model folder, the features of each stage are in channel order among themselves.
        own = features.columns(np.arange(codes), codes)
        order = np.concatenate([order, len(order) + own])
    return tuple(stages)


def _update(
    taker: _Taker, vqvae: VqvaeConfig, prior: PriorConfig, number: int, features: Features
) -> tuple[tuple[IntegerDense, ...], tuple[int, ...]]:
    """Return the layers of a level's update and their kernels, none for the last level."""
    config = prior.levels[number]
    if number + 1 == len(prior.levels):
        if config.update:
            raise ModelError("the last level of a prior has no running state to update.")
        return (), ()
    halves = vqvae.levels[number + 1].stride < vqvae.levels[number].stride
    outputs = prior.levels[number + 1].state * (4 if halves else 1)
    kernels = (*(layer.kernel for layer in config.update), 1)
    widths = (*(layer.width for layer in config.update), outputs)
    layers = []
    for index, (kernel, width) in enumerate(zip(kernels, widths, strict=True)):
        if kernel not in (1, 3):
            raise ModelError(f"kernels of a prior's update are 1 or 3, got {kernel}.")
        layers.append(taker.dense(f"levels.{number}.update.{index}", width))
    order = _feature_order(features, config)
    tap = np.concatenate([np.arange(config.state), config.state + order])
    rows = [place * len(tap) + tap for place in range(kernels[0] ** 2)]
    layers[0] = layers[0].rows(np.concatenate(rows))
    return tuple(layers), kernels


def _features(taker: _Taker, number: int, level: LevelConfig, embedding: int) -> Features:
    if isinstance(level.quantizer, CodebookConfig):
        name = f"features.embedding.{number}"
        table = taker.int16(name)
        expected = (level.channels, level.quantizer.size, embedding)
        if table.shape != expected:
            raise ModelError(f"{name} must have shape {expected}, got {table.shape}.")
        return EmbeddingFeatures(table, name)
    if embedding != MagnitudeFeatures.width:
        raise ModelError(f"a logistic head has 2 features a code, got embedding = {embedding}.")
    return MagnitudeFeatures(taker.int16("features.magnitude"))


def _logistic_head(taker: _Taker) -> LogisticHead:
    names = ("wide", "narrow", "low_bits", "escape_order")
    return LogisticHead(LogisticTables(*(taker.int64(f"tables.{name}") for name in names)))


def _categorical_head(level: LevelConfig) -> CategoricalHead:
    if not isinstance(level.quantizer, CodebookConfig):
        raise ModelError("a categorical head needs codebooks.")
    return CategoricalHead(level.quantizer.size)


class _Taker:
    """Takes tensors by name and remembers which.

    Attributes:
        largest_inputs: what the inputs of each layer keep within; layers are taken after it is set.
    """

    def __init__(self, tensors: Tensors, conditions: int) -> None:
        self.largest_inputs: Mapping[str, NDArray[np.int64]] = {}
        self._tensors = tensors
        self._conditions = conditions
        self._taken: set[str] = set()

    def int16(self, name: str) -> NDArray[np.int16]:
        return self._take(name, np.dtype(np.int16))

    def int64(self, name: str) -> NDArray[np.int64]:
        return self._take(name, np.dtype(np.int64))

    def dense(self, name: str, outputs: int) -> IntegerDense:
        weight, bias = self.int16(f"{name}.weight"), self.int64(f"{name}.bias")
        inputs = self.largest_inputs[name]
        expected = ((len(inputs), outputs), (self._conditions, outputs))
        if (weight.shape, bias.shape) != expected:
            raise ModelError(
                f"{name} must have {len(inputs)} inputs, {outputs} outputs and {self._conditions} "
                f"conditions, got weights {weight.shape} and biases {bias.shape}."
            )
        return IntegerDense(weight, bias, self.int64(f"{name}.shift"), name, inputs)

    def expect_all_taken(self) -> None:
        unknown = sorted(set(self._tensors) - self._taken)
        if unknown:
            raise ModelError(f"the exact prior has an unknown tensor '{unknown[0]}'.")

    def _take(self, name: str, dtype: np.dtype[Entry]) -> NDArray[Entry]:
        if name not in self._tensors:
            raise ModelError(f"the exact prior lacks the tensor '{name}'.")
        self._taken.add(name)
        tensor = self._tensors[name]
        if tensor.dtype != dtype:
            raise ModelError(f"the tensor '{name}' must be {dtype}, got {tensor.dtype}.")
        return tensor.astype(dtype)
