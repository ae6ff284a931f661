"""The prior of one level: its layers, and a run over the level's codes."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from vqzip.prior.exact.contexts import CONTEXT_TAPS, NEIGHBOR_TAPS, Windows, windows
from vqzip.prior.exact.dense import Floats, IntegerDense, activate
from vqzip.prior.exact.features import Features
from vqzip.prior.exact.heads import Head
from vqzip.prior.order import Order
from vqzip.prior.parameters import Parameters

State = NDArray[np.int16]
"""Running state `(H, W, channels)` that a level gets from the coarser ones."""

_CHUNK = 1024
"""Few enough that the neighborhoods of so many positions stay in a processor's cache."""


def chunks(positions: int) -> Iterator[slice]:
    """Yield spans of positions where order does not matter; they bound memory, nothing else."""
    for start in range(0, positions, _CHUNK):
        yield slice(start, min(start + _CHUNK, positions))


@dataclass(frozen=True)
class StagePrior:
    """Layers of one stage.

    Args:
        channels: `(g,)` channels that the stage codes.
        hidden: from the first hidden layer and earlier stages' features.
        out: from `hidden` to the head.
    """

    channels: NDArray[np.intp]
    hidden: IntegerDense
    out: IntegerDense


@dataclass(frozen=True)
class LevelPrior:
    """Layers of one level, over features in stage order.

    Args:
        level: number of the level, coarse first.
        channels: codes a position.
        side: rows and columns of a context tile, in codes.
        state_layer: the part of the first layer that sees the running state.
        taps_layer: the part of the first layer that sees the masked taps; both share one bias.
        stages: in coding order.
        update: layers of the running state's update; empty for the last level.
        update_kernels: kernel of each of them.
        upsample: whether the next level has half the stride.
        neighbour_mean: whether codes are seen as differences to the mean of their neighbors.
        features: of the level's codes.
        head: of the level's codes.
    """

    level: int
    channels: int
    side: int
    state_layer: IntegerDense
    taps_layer: IntegerDense
    stages: tuple[StagePrior, ...]
    update: tuple[IntegerDense, ...]
    update_kernels: tuple[int, ...]
    upsample: bool
    neighbour_mean: bool
    features: Features
    head: Head


class CodeContext:
    """What later codes see of a level's codes: padded maps of features.

    Args:
        prior: the level's layers.
        order: the order of its positions.
        coded_stages: stages that are coded; codes of the others are 0, their features too.
    """

    def __init__(self, prior: LevelPrior, order: Order, coded_stages: int) -> None:
        self.stages = tuple(stage.channels for stage in prior.stages[:coded_stages])
        self.windows: Windows = windows(order)
        self.features = self.windows.zeros(prior.channels * prior.features.width, np.float32)
        coded = sum(len(stage) for stage in self.stages)
        self._coded_features = self.features[:, : coded * prior.features.width]
        self._codes = self.windows.zeros(prior.channels, np.int64) if prior.neighbour_mean else None
        self._neighbors = self.windows.offsets(NEIGHBOR_TAPS)
        self._look_up = prior.features.look_up
        self._order = order

    def base16(self, span: slice) -> NDArray[np.int64] | None:
        """Return the neighbors' mean `(n, C)` in sixteenths, or None where 0 stands for it."""
        if self._codes is None:
            return None
        neighbors = self.windows.gather(self._codes, self._neighbors, span)
        shares = self.windows.neighbor_shares[span]
        left, upper = np.split(neighbors, 2, axis=1)
        base16: NDArray[np.int64] = left * shares[:, :1] + upper * shares[:, 1:]
        return base16

    def features_of(
        self, stage: int, codes: NDArray[np.int64], base16: NDArray[np.int64] | None
    ) -> NDArray[np.float32]:
        """Return the features `(n, g * width)` of a stage's codes `(n, g)`."""
        channels = self.stages[stage]
        if base16 is not None:
            codes = codes - ((base16[:, channels] + 8) >> 4)
        return self._look_up(channels, codes)

    def note_codes(self, span: slice, stage: int, codes: NDArray[np.int64]) -> None:
        """Keep a stage's codes, if a neighbors' mean will need them."""
        if self._codes is not None:
            self._codes[self.windows.index[span, None], self.stages[stage]] = codes

    def note_features(self, span: slice, features: NDArray[np.float32]) -> None:
        """Keep the features of all stages at a span of positions."""
        self._coded_features[self.windows.index[span]] = features

    def tell(self, codes: NDArray[np.int32]) -> None:
        """Keep all codes of the level, `(C, H, W)`."""
        order = self._order
        known = order.of_map(codes).astype(np.int64)
        for number, channels in enumerate(self.stages):
            self.note_codes(slice(None), number, known[:, channels])
        for span in chunks(order.positions):
            base16 = self.base16(span)
            features = [
                self.features_of(number, known[span, channels], base16)
                for number, channels in enumerate(self.stages)
            ]
            self.note_features(span, np.concatenate(features, axis=1))


class LevelRun:
    """A level's prior while its codes become known; a `LevelModel` for the walk.

    Args:
        prior: the level's layers.
        order: the order of its positions.
        state: `(H, W, channels)` int16.
        condition: row of the biases: quality step and mode.
        coded_stages: stages that are coded; codes of the others are 0, their features too.
    """

    def __init__(
        self, prior: LevelPrior, order: Order, state: State, condition: int, coded_stages: int
    ) -> None:
        self.context = CodeContext(prior, order, coded_stages)
        self._prior = prior
        self._order = order
        self._condition = condition
        self._windows = self.context.windows
        self._taps = self._windows.offsets(CONTEXT_TAPS)
        self._from_state = self._state_sums(state)
        self._hidden = prior.taps_layer.outputs
        self._width = prior.stages[coded_stages - 1].hidden.inputs + (
            len(self.context.stages[-1]) * prior.features.width
        )
        # A row for each position of the present span: the first hidden layer, then the features
        # of the stages so far, so that a stage's input is a run of columns from the left.
        self._known = np.empty((0, self._width), np.float32)
        self._base16: NDArray[np.int64] | None = None

    @property
    def level(self) -> int:
        """Number of the level."""
        return self._prior.level

    @property
    def order(self) -> Order:
        """Order of the level's positions."""
        return self._order

    @property
    def stages(self) -> tuple[NDArray[np.intp], ...]:
        """Channels of each stage that is coded."""
        return self.context.stages

    def parameters(self, span: slice, stage: int) -> Parameters:
        """Return the parameters of a stage at a span of positions; see `LevelModel`."""
        if stage == 0:
            self._enter(span)
        layers = self._prior.stages[stage]
        hidden = layers.hidden.sums(self._known[:, : layers.hidden.inputs], self._condition)
        out = layers.out.sums(activate(hidden), self._condition)
        np.floor(out, out=out)
        base16 = None if self._base16 is None else self._base16[:, layers.channels]
        return self._prior.head.parameters(out, base16)

    def learn(self, span: slice, stage: int, codes: NDArray[np.int64]) -> None:
        """Take note of a stage's codes at a span of positions; see `LevelModel`."""
        self.context.note_codes(span, stage, codes)
        features = self.context.features_of(stage, codes, self._base16)
        start = self._prior.stages[stage].hidden.inputs
        self._known[:, start : start + features.shape[1]] = features
        if stage == len(self.stages) - 1:
            self.context.note_features(span, self._known[:, self._hidden :])

    def _enter(self, span: slice) -> None:
        """Compute the first hidden layer at a span of positions."""
        taps = self._windows.gather(self.context.features, self._taps, span)
        sums = self._prior.taps_layer.product(taps)
        sums += self._from_state[span]
        self._known = np.empty((len(sums), self._width), np.float32)
        activate(sums, out=self._known[:, : self._hidden])
        self._base16 = self.context.base16(span)

    def _state_sums(self, state: State) -> Floats:
        """Return what state and bias add to the first layer, `(N, hidden)` in coding order."""
        order, layer = self._order, self._prior.state_layer
        sums = np.empty((order.positions, layer.outputs), layer.carrier)
        for span in chunks(order.positions):
            here = state[order.rows[span], order.columns[span]].astype(np.float32)
            sums[span] = layer.sums(here, self._condition)
        return sums
