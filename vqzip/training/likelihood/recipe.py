"""Recipes of models that are trained by likelihood, in TOML."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol, TypeAlias

import torch
from torch import Tensor, nn

from vqzip.errors import ModelError, RecipeError
from vqzip.families.dbn.config import DbnConfig
from vqzip.families.dbn.network import Dbn
from vqzip.families.gaussian.config import GaussianConfig
from vqzip.families.gaussian.network import GaussianVae
from vqzip.families.known import FAMILIES
from vqzip.families.pixelcnn.config import PixelCnnConfig
from vqzip.families.pixelcnn.network import GatedPixelCnn
from vqzip.models.plain import from_plain
from vqzip.training.recipe.ranges import check_ranges, ranged
from vqzip.training.recipe.read import RECIPES, changed_toml

FOLDER = RECIPES / "families"


class Trainable(Protocol):
    """A network that is trained by likelihood."""

    def loss(
        self, values: Tensor, labels: Tensor | None, generator: torch.Generator, progress: float, /
    ) -> dict[str, Tensor]:
        """Return what to minimize under `loss`, and other values for the log.

        Args:
            values: `(N, C, H, W)` int64 pictures.
            labels: `(N,)` int64 classes; None if they are not known.
            generator: of all random numbers, on the CPU.
            progress: share of the training that is done, 0 to 1.
        """
        ...


NETWORKS: dict[type, Callable[[Any], nn.Module]] = {
    GaussianConfig: GaussianVae,
    PixelCnnConfig: GatedPixelCnn,
    DbnConfig: Dbn,
}
"""The network of a configuration, which is a `Trainable`. A new family is a line here and in `AnyModel`."""

AnyModel: TypeAlias = GaussianConfig | PixelCnnConfig | DbnConfig


@dataclass(frozen=True)
class TrainingConfig:
    """The phase.

    Args:
        steps: of Adam when no time limit is given.
        batch: pictures a step.
        learning_rate: of Adam; it rises for 100 steps and falls to zero.
        flip: whether pictures are mirrored at random.
        binarize: whether samples become 0 or 1 at random, with their brightness as probability.
    """

    steps: int = ranged(1)
    batch: int = ranged(1)
    learning_rate: float = ranged(0, 10)
    flip: bool = False
    binarize: bool = False


@dataclass(frozen=True)
class LikelihoodRecipe:
    """A whole run.

    Args:
        model: the configuration of the model, of a family that `kind` names.
        training: the phase.
        seed: of every random number.
        checkpoint_minutes: time between checkpoints.
        checkpoint_steps: steps between checkpoints; 0: by time only.
        description: one line for the model card.
    """

    model: AnyModel
    training: TrainingConfig
    seed: int = ranged(0, 2**63 - 1, default=0)
    checkpoint_minutes: float = ranged(0.01, default=3.0)
    checkpoint_steps: int = ranged(0, default=0)
    description: str = field(default="")


def likelihood_recipe_names() -> list[str]:
    """Return the names of the recipes that come with the package."""
    return sorted(path.stem for path in FOLDER.glob("*.toml"))


def load_likelihood_recipe(
    name_or_path: str, settings: Sequence[str] = ()
) -> LikelihoodRecipe | None:
    """Read a recipe and apply `key=value` settings to it.

    Returns:
        None if the recipe is missing, or has no section `model`: it is one of a model with codes.

    Raises:
        RecipeError: it has an unknown key, or a number out of its range.
    """
    path = Path(name_or_path)
    if path.suffix != ".toml":
        path = FOLDER / f"{name_or_path}.toml"
    if not path.is_file():
        return None
    plain = changed_toml(path, settings)
    if "model" not in plain:
        return None
    recipe = from_plain(LikelihoodRecipe, plain, "recipe")
    check_ranges(recipe, "")
    try:
        FAMILIES[recipe.model.kind].check(recipe.model)
    except ModelError as error:
        raise RecipeError(f"recipe '{recipe.model.name}': {error}") from error
    return recipe
