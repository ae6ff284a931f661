"""The reference backend: NumPy, step by step."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

from vqzip.entropy.ans import AnsReader, AnsWriter
from vqzip.prior.backend import ChosenCodes, KnownCodes, RandomCodes, Source, State, StreamCodes
from vqzip.prior.exact.codebooks import Codebook
from vqzip.prior.exact.grids import Grid
from vqzip.prior.exact.prior import Condition, ExactPrior
from vqzip.prior.numpy.codebooks import CodebookRunner
from vqzip.prior.numpy.context import CodeContext
from vqzip.prior.numpy.grids import GridRunner
from vqzip.prior.numpy.layers import CodeRunner, LevelLayers
from vqzip.prior.numpy.level import LevelRun
from vqzip.prior.numpy.sources import CodeSource, Drawn, Known, Read, Written
from vqzip.prior.numpy.state import next_state
from vqzip.prior.numpy.steps import code_known, code_steps
from vqzip.prior.order import Order, wavefront

RUNNERS: dict[type, Callable[[Any], CodeRunner]] = {Grid: GridRunner, Codebook: CodebookRunner}
"""The runner of each kind of codes."""


class NumpyBackend:
    """Runs a prior with NumPy; see `vqzip.prior.backend.Backend`.

    Args:
        prior: the prior to run.
    """

    threads = 1
    """One, because its steps are many short calls, which block other Python threads."""

    def __init__(self, prior: ExactPrior) -> None:
        self.prior = prior
        # Levels with a grid share its tables.
        kinds = {id(level.kind): level.kind for level in prior.levels}
        runners = {key: RUNNERS[type(kind)](kind) for key, kind in kinds.items()}
        self.layers = [LevelLayers(level, runners[id(level.kind)]) for level in prior.levels]

    def writer(self) -> AnsWriter:
        """Return an empty stream."""
        return AnsWriter()

    def reader(self, data: bytes) -> AnsReader:
        """Return a stream that reads these bytes."""
        return AnsReader(data)

    def code(
        self, level: int, source: Source, state: State, condition: Condition
    ) -> NDArray[np.int32]:
        """Take the codes of a level from their source; see `Backend`."""
        run = self.run(level, source.shape, state, condition)
        if isinstance(source, KnownCodes):
            run.context.add_map(source.codes)
            code_known(run, self.code_source(level, source, run.order), source.codes)
            return source.codes
        code_source = self.code_source(level, source, run.order)
        return code_steps(run, code_source, self.prior.levels[level].channels)

    def next_state(
        self, level: int, codes: NDArray[np.int32], state: State, condition: Condition
    ) -> State:
        """Return the state of the next level; see `Backend`."""
        layers = self.layers[level]
        order = self._order(level, codes.shape[1:])
        context = CodeContext(layers, order, condition.most_stages)
        context.add_map(codes)
        return next_state(layers, order, state, context, condition.row)

    def run(
        self, level: int, shape: tuple[int, int], state: State, condition: Condition
    ) -> LevelRun:
        """Return a run over the codes of a level."""
        order = self._order(level, shape)
        return LevelRun(self.layers[level], order, state, condition.row, condition.most_stages)

    def code_source(self, level: int, source: Source, order: Order) -> CodeSource:
        """Return the source of the codes of each step."""
        if isinstance(source, StreamCodes):
            return Read(cast("AnsReader", source.reader))
        if isinstance(source, RandomCodes):
            return Drawn(source.generator, source.temperature)
        chosen: CodeSource
        if isinstance(source, ChosenCodes):
            chosen = self.layers[level].kind.chooser(source.choice, order)
        else:
            chosen = Known(source.codes)
        return Written(chosen, cast("AnsWriter", source.writer))

    def _order(self, level: int, shape: tuple[int, ...]) -> Order:
        height, width = shape
        return wavefront(height, width, self.prior.levels[level].side)
