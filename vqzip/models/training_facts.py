"""How a model was trained, as its folder says in `training.json`; it does not count for the model's id."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

from vqzip.errors import ModelError, RecipeError
from vqzip.models.places import read_file
from vqzip.models.plain import from_plain

TRAINING = "training.json"


@dataclass(frozen=True)
class TrainingFacts:
    """The facts about a training run.

    Args:
        steps: of the optimizer.
        seconds: of training.
        pictures: that it was trained on.
    """

    steps: int
    seconds: float
    pictures: int


def training_facts(folder: Path) -> TrainingFacts | None:
    """Return how a model was trained; None if its folder does not say so."""
    try:
        plain = json.loads(read_file(folder, TRAINING))
        return from_plain(TrainingFacts, plain, TRAINING)
    except (ModelError, RecipeError, ValueError, RecursionError):
        return None
