"""The class of every phase that a recipe can list. A new phase is a module, a configuration and a line here."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from vqzip.training.phases.joint.phase import JointPhase
from vqzip.training.phases.phase import Phase, Setup
from vqzip.training.phases.predictors import PredictorPhase
from vqzip.training.phases.prior import PriorPhase
from vqzip.training.phases.vqvae import VqvaePhase
from vqzip.training.recipe.phases import PhaseConfig

PHASES: dict[str, Callable[[Any, Setup], Phase]] = {
    "vqvae": VqvaePhase,
    "prior": PriorPhase,
    "predictors": PredictorPhase,
    "decoder": JointPhase,
    "joint": JointPhase,
}
"""By the `kind` of a configuration."""


def make_phase(config: PhaseConfig, setup: Setup) -> Phase:
    """Return a phase of a run.

    Raises:
        RecipeError: the networks do not fit the phase.
    """
    return PHASES[config.kind](config, setup)
