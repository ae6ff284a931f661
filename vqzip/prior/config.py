"""Configurations of priors."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from vqzip.errors import ModelError
from vqzip.hierarchy import CONTEXT_TILE, Hierarchy


@dataclass(frozen=True)
class StageConfig:
    """Codes of one position that are coded together, given those of earlier stages.

    Args:
        channels: indices into the level's codes a position (group-major, depth-minor).
        hidden: width of the stage's hidden layer.
    """

    channels: tuple[int, ...]
    hidden: int


@dataclass(frozen=True)
class ConvLayerConfig:
    """One layer of the running state's update: `kernel` is 1 or 3."""

    kernel: int
    width: int


@dataclass(frozen=True)
class PriorLevelConfig:
    """The prior of one level.

    Args:
        state: channels of the running state that enters from the coarser levels (0 for none).
        hidden: width of the first hidden layer, which sees state and masked taps.
        stages: in coding order; together they hold every code of a position once.
        update: layers that turn [state, codes] into the next level's state; a last 1 x 1 layer to
            `next.state` channels (times four and a pixel shuffle where the stride halves) is added.
            Empty for the last level.
        neighbour_mean: whether the mean starts from the average of the codes to the left and
            above, and features are of the difference to it (the coarsest picture).
    """

    state: int
    hidden: int
    stages: tuple[StageConfig, ...]
    update: tuple[ConvLayerConfig, ...] = ()
    neighbour_mean: bool = False


@dataclass(frozen=True)
class PriorConfig:
    """A PixelCNN over all levels.

    Args:
        levels: one for each level of the VQ-VAE.
        head: `logistic` for grids, `categorical` for codebooks.
        embedding: features of one code at the input: 2 for `logistic` (signed and absolute
            logarithm), the width of the learned embedding for `categorical`.
        gray_stages: stages of every level that a gray picture has; 0 when it has all of them.
    """

    levels: tuple[PriorLevelConfig, ...]
    head: Literal["logistic", "categorical"]
    embedding: int = 2
    gray_stages: int = 0

    @property
    def modes(self) -> int:
        """Number of modes that the prior tells apart: RGB, and gray where it is coded apart."""
        return 2 if self.gray_stages else 1


def check_prior(hierarchy: Hierarchy, prior: PriorConfig) -> None:
    """Check that a prior fits a VQ-VAE: levels, stages, state widths.

    Raises:
        ModelError: they do not fit.
    """
    if len(hierarchy.levels) != len(prior.levels):
        raise ModelError(
            f"the prior has {len(prior.levels)} levels, the VQ-VAE {len(hierarchy.levels)}."
        )
    for number, (level, config) in enumerate(zip(hierarchy.levels, prior.levels, strict=True)):
        staged = [channel for stage in config.stages for channel in stage.channels]
        if sorted(staged) != list(range(level.channels)):
            raise ModelError(f"the stages of level {number} must hold each of its codes once.")
        if CONTEXT_TILE % level.stride:
            raise ModelError(f"stride {level.stride} of level {number} must divide {CONTEXT_TILE}.")
        if (config.state == 0) != (number == 0):
            raise ModelError(f"level {number}: only the first level has no state.")
        if number and hierarchy.levels[number - 1].stride not in (level.stride, 2 * level.stride):
            raise ModelError(f"level {number}: strides must halve or stay from level to level.")
        if level.quantizer.head != prior.head:
            raise ModelError("grids need a logistic head, codebooks a categorical one.")
        if config.neighbour_mean and level.quantizer.size:
            raise ModelError("codes of codebooks have no mean, so neighbour_mean must be false.")
        if any(layer.kernel not in (1, 3) for layer in config.update):
            raise ModelError(f"level {number}: kernels of the update must be 1 or 3.")
        if level.quantizer.features not in (None, prior.embedding):
            raise ModelError(
                "a logistic head has an embedding of 2: signed and absolute logarithm."
            )
