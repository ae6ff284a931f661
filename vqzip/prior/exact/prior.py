"""ExactPrior: the prior of every level, from the tensors of a model folder."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from vqzip.errors import ModelError
from vqzip.hierarchy import Hierarchy
from vqzip.prior.config import PriorConfig
from vqzip.prior.exact.assemble import assemble_levels
from vqzip.prior.exact.level import LevelPrior
from vqzip.quality import Quality


@dataclass(frozen=True)
class Condition:
    """What the prior knows of a picture besides codes.

    Args:
        row: of the biases: quality steps, once for RGB and, where gray is coded apart, once for gray.
        most_stages: stages of every level that are coded, at most; codes of the others are 0.
    """

    row: int
    most_stages: int


class ExactPrior:
    """A PixelCNN over all levels, in integers: the same probabilities on every machine.

    `vqzip.prior.walk.PriorWalk` passes codes through it. Use `from_tensors` to make one.

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
        hierarchy: Hierarchy,
        prior: PriorConfig,
        tensors: Mapping[str, NDArray[np.generic]],
    ) -> ExactPrior:
        """Build a prior and prove that its sums are exact.

        Args:
            hierarchy: the levels whose codes it predicts.
            prior: its widths and stages.
            tensors: `levels.{l}.first`, `levels.{l}.stages.{k}.hidden`, `levels.{l}.stages.{k}.out`
                and `levels.{l}.update.{n}`, each with `.weight`, `.bias` and `.shift` (see
                `IntegerDense`); `features.magnitude` and `tables.*` for a logistic head,
                `features.embedding.{l}` for a categorical one.

        Raises:
            ModelError: a tensor is missing, unknown, or has a wrong shape, type or range; or a
                sum could leave the range in which float64 is exact.
        """
        levels = assemble_levels(hierarchy, prior, tensors)
        return cls(prior, hierarchy.quality_steps, levels, tensors)

    def to_tensors(self) -> dict[str, NDArray[np.generic]]:
        """Return the tensors that the prior was made from."""
        return dict(self._tensors)

    def condition(self, quality: Quality, *, gray: bool) -> Condition:
        """Return the condition of a picture.

        Args:
            quality: one of the model's.
            gray: whether the picture has one channel.

        Raises:
            ModelError: the prior does not have that quality.
        """
        if quality.eighths >= self._quality_steps:
            raise ModelError(
                f"the prior has {self._quality_steps} qualities, not one of {quality.eighths} eighths."
            )
        most = max(len(level.stages) for level in self.levels)
        if gray and self.config.gray_stages:
            return Condition(self._quality_steps + quality.eighths, self.config.gray_stages)
        return Condition(quality.eighths, most)
