"""ExactPrior: the prior of every level, from the tensors of a model folder."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from vqzip.configs import PriorConfig, VqvaeConfig
from vqzip.errors import CodingError, ModelError
from vqzip.prior.exact.assemble import assemble_levels
from vqzip.prior.exact.level import CodeContext, LevelPrior, LevelRun, State
from vqzip.prior.exact.state import next_state
from vqzip.prior.order import Order, wavefront
from vqzip.prior.parameters import Parameters
from vqzip.prior.walk import CodeSource, parameters_known, walk, walk_known


class ExactPrior:
    """A PixelCNN over all levels, in integers.

    Levels are walked coarse to fine; between two of them `advance` makes the running state:

        state = None
        for level, shape in enumerate(shapes):
            codes = prior.walk(level, shape, state, source, quality_step=24, gray=False)
            state = prior.advance(level, codes, state, quality_step=24, gray=False)

    Everything is a function of integers, the same on every machine. A map may be a part of a
    picture, if it starts at a context tile's border: tiles know nothing of each other.

    Use `from_tensors` to make one.

    Args:
        config: widths and stages.
        quality_steps: qualities that the model has.
        levels: from `assemble_levels`.
        tensors: that the levels were assembled from.
    """

    def __init__(
        self,
        config: PriorConfig,
        quality_steps: int,
        levels: tuple[LevelPrior, ...],
        tensors: Mapping[str, NDArray[np.generic]],
    ) -> None:
        self.config = config
        self._quality_steps = quality_steps
        self.levels = levels
        self._tensors = dict(tensors)

    @classmethod
    def from_tensors(
        cls,
        vqvae: VqvaeConfig,
        prior: PriorConfig,
        tensors: Mapping[str, NDArray[np.generic]],
    ) -> ExactPrior:
        """Build a prior and prove that its sums are exact.

        Args:
            vqvae: the levels whose codes it predicts.
            prior: its widths and stages.
            tensors: `levels.{l}.first`, `levels.{l}.stages.{k}.hidden`, `levels.{l}.stages.{k}.out`
                and `levels.{l}.update.{n}`, each with `.weight`, `.bias` and `.shift` (see
                `IntegerDense`); `features.magnitude` and `tables.*` for a logistic head,
                `features.embedding.{l}` for a categorical one.

        Raises:
            ModelError: a tensor is missing, unknown, or has a wrong shape, type or range; or a
                sum could leave the range in which float64 is exact.
        """
        levels = assemble_levels(vqvae, prior, tensors)
        return cls(prior, vqvae.quality_steps, levels, tensors)

    def to_tensors(self) -> dict[str, NDArray[np.generic]]:
        """Return the tensors that the prior was made from."""
        return dict(self._tensors)

    def walk(
        self,
        level: int,
        shape: tuple[int, int],
        state: State | None,
        source: CodeSource,
        *,
        quality_step: int,
        gray: bool,
    ) -> NDArray[np.int32]:
        """Walk a level step by step; `source` reads, writes or draws the codes.

        Args:
            level: number of the level, coarse first.
            shape: (H, W) of the level's map.
            state: what `advance` returned for the level before, at least (H, W); None for level 0.
            source: gives the codes.
            quality_step: 0 to `VqvaeConfig.quality_steps` - 1.
            gray: whether the picture has one color channel.

        Returns:
            `(C, H, W)` int32 codes.

        Raises:
            VqzipError: what the source raises.
        """
        run = self._run(level, shape, state, quality_step=quality_step, gray=gray)
        return walk(run, source, self.levels[level].channels)

    def walk_known(
        self,
        level: int,
        codes: NDArray[np.int32],
        state: State | None,
        source: CodeSource,
        *,
        quality_step: int,
        gray: bool,
    ) -> None:
        """Show known codes to `source`, in the calls of `walk` but several times as fast.

        Args:
            level: number of the level, coarse first.
            codes: `(C, H, W)` int32.
            state: as for `walk`.
            source: usually a `StreamEncoder` of `KnownCodes`; what it answers is ignored.
            quality_step: as for `walk`.
            gray: as for `walk`.
        """
        run = self._run(level, codes.shape[1:], state, quality_step=quality_step, gray=gray)
        run.context.tell(codes)
        walk_known(run, source, codes)

    def forward_known(
        self,
        level: int,
        codes: NDArray[np.int32],
        state: State | None,
        *,
        quality_step: int,
        gray: bool,
    ) -> tuple[Parameters, ...]:
        """Return the parameters of all codes at once, for positions in coding order.

        They equal those that `walk` asks the source with. Memory grows with the map (and with the
        size of a codebook); `walk_known` bounds it.

        Args:
            level: number of the level, coarse first.
            codes: `(C, H, W)` int32.
            state: as for `walk`.
            quality_step: as for `walk`.
            gray: as for `walk`.

        Returns:
            One for each stage that is coded, over (H·W, g) codes.
        """
        run = self._run(level, codes.shape[1:], state, quality_step=quality_step, gray=gray)
        run.context.tell(codes)
        return parameters_known(run, slice(0, run.order.positions), codes)

    def advance(
        self,
        level: int,
        codes: NDArray[np.int32],
        state: State | None,
        *,
        quality_step: int,
        gray: bool,
    ) -> State | None:
        """Return the running state for the next level, or None after the last.

        Args:
            level: number of the level whose codes are known.
            codes: `(C, H, W)` int32.
            state: the state that the level had; None for level 0.
            quality_step: as for `walk`.
            gray: as for `walk`.
        """
        prior = self.levels[level]
        if not prior.update:
            return None
        order = self._order(level, codes.shape[1:])
        context = CodeContext(prior, order, self._coded_stages(level, gray=gray))
        context.tell(codes)
        known = self._state(level, order, state)
        return next_state(prior, order, known, context, self._condition(quality_step, gray=gray))

    def _run(
        self,
        level: int,
        shape: tuple[int, ...],
        state: State | None,
        *,
        quality_step: int,
        gray: bool,
    ) -> LevelRun:
        order = self._order(level, shape)
        return LevelRun(
            self.levels[level],
            order,
            self._state(level, order, state),
            self._condition(quality_step, gray=gray),
            self._coded_stages(level, gray=gray),
        )

    def _order(self, level: int, shape: tuple[int, ...]) -> Order:
        height, width = shape
        return wavefront(height, width, self.levels[level].side)

    def _state(self, level: int, order: Order, state: State | None) -> State:
        channels = self.levels[level].state_layer.inputs
        if state is None:
            state = np.zeros((order.height, order.width, 0), np.int16)
        if (
            state.shape[2] != channels
            or min(state.shape[0] - order.height, state.shape[1] - order.width) < 0
        ):
            raise CodingError(
                f"level {level} needs a state of {channels} channels for its map, got {state.shape}."
            )
        return state

    def _condition(self, quality_step: int, *, gray: bool) -> int:
        if not 0 <= quality_step < self._quality_steps:
            raise ModelError(
                f"quality step {quality_step} is outside 0..{self._quality_steps - 1} of this model."
            )
        mode = 1 if gray and self.config.gray_stages else 0
        return mode * self._quality_steps + quality_step

    def _coded_stages(self, level: int, *, gray: bool) -> int:
        stages = len(self.levels[level].stages)
        return min(self.config.gray_stages, stages) if gray and self.config.gray_stages else stages
