"""A run over the codes of one level."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from vqzip.prior.numpy.context import CodeContext, chunks
from vqzip.prior.numpy.layers import LevelLayers
from vqzip.prior.numpy.parameters import Parameters
from vqzip.prior.numpy.products import Floats, activate
from vqzip.prior.order import Order
from vqzip.prior.spec import CONTEXT_TAPS


class LevelRun:
    """The prior of a level during coding.

    For every span of positions, call for stage 0, 1, ...: `parameters`, then `learn`.

    Args:
        layers: of the level.
        order: the order of its positions.
        state: `(H, W, channels)` int16.
        condition: row of the biases: quality step and mode.
        most_stages: number of coded stages; the codes and features of the others are 0.
    """

    def __init__(
        self,
        layers: LevelLayers,
        order: Order,
        state: NDArray[np.int16],
        condition: int,
        most_stages: int,
    ) -> None:
        self.order = order
        self.context = CodeContext(layers, order, most_stages)
        self.stages = self.context.stages
        self._layers = layers
        self._condition = condition
        self._windows = self.context.windows
        self._taps = self._windows.offsets(CONTEXT_TAPS)
        self._from_state = self._state_sums(state)
        self._hidden = layers.taps.outputs
        last = layers.hidden[len(self.stages) - 1]
        self._width = last.inputs + len(self.stages[-1]) * layers.prior.kind.width
        # A row for each position of the current span: the first hidden layer, then the features
        # of the stages so far, so that the input of a stage is the first columns.
        self._known = np.empty((0, self._width), np.float32)
        self._base16: NDArray[np.int64] | None = None

    def parameters(self, span: slice, stage: int) -> Parameters:
        """Return the parameters of a stage at a span of positions, `(n, g)` codes."""
        if stage == 0:
            self._enter(span)
        layers = self._layers
        known = self._known[:, : layers.hidden[stage].inputs]
        hidden = activate(layers.hidden[stage].sums(known, self._condition))
        out = layers.out[stage].sums(hidden, self._condition)
        np.floor(out, out=out)
        base16 = None if self._base16 is None else self._base16[:, self.stages[stage]]
        return layers.kind.parameters(out, base16)

    def learn(self, span: slice, stage: int, codes: NDArray[np.int64]) -> None:
        """Store the codes of a stage at a span of positions, `(n, g)`."""
        self.context.add_codes(span, stage, codes)
        features = self.context.features_of(stage, codes, self._base16)
        start = self._layers.hidden[stage].inputs
        self._known[:, start : start + features.shape[1]] = features
        if stage == len(self.stages) - 1:
            self.context.add_features(span, self._known[:, self._hidden :])

    def _enter(self, span: slice) -> None:
        """Compute the first hidden layer at a span of positions."""
        taps = self._windows.gather(self.context.features, self._taps, span)
        sums = self._layers.taps.product(taps)
        sums += self._from_state[span]
        self._known = np.empty((len(sums), self._width), np.float32)
        activate(sums, out=self._known[:, : self._hidden])
        self._base16 = self.context.base16(span)

    def _state_sums(self, state: NDArray[np.int16]) -> Floats:
        """Return the part of the first layer from state and bias, `(N, hidden)` in coding order."""
        order, layer = self.order, self._layers.state
        sums = np.empty((order.positions, layer.outputs), layer.carrier)
        for span in chunks(order.positions):
            here = state[order.rows[span], order.columns[span]].astype(np.float32)
            sums[span] = layer.sums(here, self._condition)
        return sums
