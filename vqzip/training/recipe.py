"""Recipes: TOML files that say everything a training run needs, as frozen dataclasses."""

from __future__ import annotations

import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from vqzip.configs import PriorConfig, VqvaeConfig, check_prior, from_plain, to_plain
from vqzip.errors import ModelError, RecipeError

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

RECIPES = Path(__file__).parent.parent / "recipes"


@dataclass(frozen=True)
class DataConfig:
    """How training crops are cut from pictures.

    Args:
        margin: pixels around the prior's context tile that the transform sees too.
        smallest_scale: pictures shrink at random to between this and 1.
        gray_share: share of the crops that are made gray.
        colour_jitter: strength of random brightness, contrast and saturation (needs torchvision).
    """

    margin: int = 0
    smallest_scale: float = 0.6
    gray_share: float = 0.0
    colour_jitter: float = 0.0


@dataclass(frozen=True)
class VqvaePhaseConfig:
    """Phase 1: encoder, codebooks and decoder together.

    Args:
        steps: optimiser steps when no time limit is given.
        batch: crops a step.
        learning_rate: of Adam, falling to zero.
        commitment: beta of the commitment loss (VQ-VAE, eq. 3).
        codebook: `ema` (VQ-VAE, appendix A.1) or `kmeans`, a gradient of strength `codebook_rate`.
        decay: of the exponential moving average.
        codebook_rate: gamma of the k-means gradient.
        revive_below: a codeword used less than this share of the mean starts anew.
        continuous_steps: steps without quantization before k-means starts the codebooks.
        crop: side of this phase's crops in pixels.
        time_share: part of `--minutes` given to this phase.
        bfloat16: autocast where the processor or GPU computes bfloat16 natively.
    """

    steps: int
    batch: int
    learning_rate: float
    commitment: float = 0.25
    codebook: Literal["ema", "kmeans"] = "ema"
    decay: float = 0.99
    codebook_rate: float = 1.0
    revive_below: float = 0.2
    continuous_steps: int = 300
    crop: int = 256
    time_share: float = 0.6
    bfloat16: bool = True


@dataclass(frozen=True)
class PriorPhaseConfig:
    """Phase 2: the float prior on the codes.

    Args:
        steps: optimiser steps when no time limit is given.
        batch: context tiles a step.
        learning_rate: of Adam, falling to zero.
        smallest_step: of the random quantizer step (grids), in pixel values.
        largest_step: of the same.
        deadzone: range of the random rounding offset (grids); 0.5 rounds to the nearest.
        time_share: part of `--minutes` given to this phase.
        bfloat16: autocast where the processor or GPU computes bfloat16 natively.
    """

    steps: int
    batch: int
    learning_rate: float
    smallest_step: float = 5.0
    largest_step: float = 130.0
    deadzone: tuple[float, float] = (0.3, 0.45)
    time_share: float = 0.4
    bfloat16: bool = False


@dataclass(frozen=True)
class QualityTargets:
    """Mean file sizes, in bits per pixel, that qualities 1 and 8 are fitted to."""

    lowest_bpp: float = 0.08
    highest_bpp: float = 1.0


@dataclass(frozen=True)
class Recipe:
    """A whole run: data, networks, both phases.

    Args:
        name: name of the model that comes out.
        vqvae: hierarchy, quantizers, transform.
        prior: widths and stages.
        prior_phase: phase 2.
        vqvae_phase: phase 1; absent where the transform is fixed and codewords lie on a grid.
        data: crops.
        quality: sizes to fit the quality scale to (grids).
        seed: of every random stream.
        checkpoint_minutes: time between checkpoints.
        checkpoint_steps: steps between checkpoints, for runs measured in steps (0: by time alone).
        description: one line for the model card.
    """

    name: str
    vqvae: VqvaeConfig
    prior: PriorConfig
    prior_phase: PriorPhaseConfig
    vqvae_phase: VqvaePhaseConfig | None = None
    data: DataConfig = field(default_factory=DataConfig)
    quality: QualityTargets = field(default_factory=QualityTargets)
    seed: int = 0
    checkpoint_minutes: float = 3.0
    checkpoint_steps: int = 0
    description: str = ""


def recipe_names() -> list[str]:
    """Return the names of the recipes that come with the package."""
    return sorted(path.stem for path in RECIPES.glob("*.toml"))


def load_recipe(name_or_path: str, settings: tuple[str, ...] | list[str] = ()) -> Recipe:
    """Read a recipe and apply `key=value` settings to it.

    Args:
        name_or_path: a name from `recipe_names` or the path of a TOML file.
        settings: such as `prior_phase.batch=4`; values are TOML.

    Raises:
        RecipeError: it does not exist, does not parse, or has an unknown key.
    """
    path = Path(name_or_path)
    if path.suffix != ".toml":
        path = RECIPES / f"{name_or_path}.toml"
    if not path.is_file():
        raise RecipeError(
            f"there is no recipe '{name_or_path}'; give a TOML file or one of "
            f"{', '.join(recipe_names())}."
        )
    try:
        plain = tomllib.loads(path.read_text(encoding="utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise RecipeError(f"{path} is not valid TOML: {error}.") from error
    for setting in settings:
        _apply(plain, setting)
    return recipe_from_plain(plain)


def recipe_from_plain(plain: dict[str, Any]) -> Recipe:
    """Build a recipe from what TOML gave.

    Raises:
        RecipeError: a key is unknown, missing or of the wrong type, or the parts do not fit.
    """
    recipe = from_plain(Recipe, plain, "recipe")
    try:
        check_prior(recipe.vqvae, recipe.prior)
    except ModelError as error:
        raise RecipeError(f"recipe '{recipe.name}': {error}") from error
    learned = any(level.quantizer.kind == "codebook" for level in recipe.vqvae.levels)
    if learned and recipe.vqvae_phase is None:
        raise RecipeError(f"recipe '{recipe.name}' has codebooks to learn: add [vqvae_phase].")
    phase = recipe.vqvae_phase
    if phase is not None and (phase.crop < 1 or phase.crop % recipe.vqvae.align):
        raise RecipeError(
            f"vqvae_phase.crop must be a multiple of {recipe.vqvae.align}, got {phase.crop}."
        )
    return recipe


def _apply(plain: dict[str, Any], setting: str) -> None:
    key, separator, value = setting.partition("=")
    if not separator:
        raise RecipeError(f"--set takes key=value, got '{setting}'.")
    try:
        parsed = tomllib.loads(f"value = {value}")["value"]
    except tomllib.TOMLDecodeError:
        parsed = value
    *tables, last = key.strip().split(".")
    for table in tables:
        plain = plain.setdefault(table, {})
        if not isinstance(plain, dict):
            raise RecipeError(f"--set {key}: '{table}' is not a table of the recipe.")
    plain[last] = parsed


def recipe_to_toml(recipe: Recipe) -> str:
    """Return the whole recipe, defaults included, as TOML."""
    import tomli_w

    return tomli_w.dumps(to_plain(recipe))
