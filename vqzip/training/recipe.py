"""Recipes: TOML files with everything that a training run needs, as frozen dataclasses."""

from __future__ import annotations

import math
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import tomli_w

from vqzip.autoencoders.config import VqvaeConfig, check_transform
from vqzip.errors import ModelError, RecipeError
from vqzip.models.config import BIT_PRICE
from vqzip.models.plain import from_plain, to_plain
from vqzip.prior.config import PriorConfig, check_prior

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

RECIPES = Path(__file__).parent.parent / "recipes"


@dataclass(frozen=True)
class DataConfig:
    """How training crops are cut from pictures.

    Args:
        margin: pixels around the prior's context tile that only the transform sees.
        smallest_scale: pictures are scaled by a random factor between this and 1.
        gray_share: share of the crops that are converted to gray.
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
        steps: optimizer steps when no time limit is given.
        batch: crops a step.
        learning_rate: of Adam; it falls to zero.
        commitment: beta of the commitment loss (VQ-VAE, eq. 3).
        codebook: `ema` (VQ-VAE, appendix A.1) or `kmeans`, a gradient of strength `codebook_rate`.
        decay: of the exponential moving average.
        codebook_rate: gamma of the k-means gradient.
        revive_below: a codeword used less than this share of the mean is replaced by a latent.
        continuous_steps: steps without quantization before k-means starts the codebooks; at most
            a tenth of the phase.
        crop: side of this phase's crops in pixels.
        time_share: share of `--minutes` for this phase.
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
        steps: optimizer steps when no time limit is given.
        batch: context tiles a step.
        learning_rate: of Adam; it falls to zero.
        smallest_step: of the random quantizer step (grids), in pixel values.
        largest_step: of the same.
        deadzone: range of the random rounding offset (grids); 0.5 rounds to the nearest.
        time_share: share of `--minutes` for this phase.
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
class PredictorPhaseConfig:
    """The networks that predict details, and the network after synthesis, without the prior.

    Codes are rounded with a random offset. The loss of the predictors is the mean over crops of
    log(distortion / lambda + rate), where a formula estimates the rate.

    Args:
        steps: optimizer steps when no time limit is given.
        batch: crops a step.
        learning_rate: of Adam; it falls to zero.
        smallest_step: of the random quantizer step, in pixel values.
        largest_step: of the same.
        rate_weight: lambda at a step of 100 pixel values; it grows with the square of the step.
        deadzone: range of the random rounding offset; 0.5 rounds to the nearest.
        time_share: share of `--minutes` for this phase.
        bfloat16: autocast where the processor or GPU computes bfloat16 natively.
    """

    steps: int
    batch: int
    learning_rate: float
    smallest_step: float = 18.0
    largest_step: float = 190.0
    rate_weight: float = 1600.0
    deadzone: tuple[float, float] = (0.3, 0.45)
    time_share: float = 0.3
    bfloat16: bool = True


@dataclass(frozen=True)
class JointPhaseConfig:
    """Phases 3 and 4: networks around a wavelet and the prior, by rate and distortion together.

    The loss is the mean of log(distortion / lambda + rate) over crops, with
    lambda = rate_weight * (step / 100) ** rate_exponent, in units of distortion per bit per pixel.

    Args:
        steps: optimizer steps when no time limit is given.
        batch: crops a step.
        learning_rate: of the transform, falling to zero.
        prior_learning_rate: of the prior, falling to zero; 0 does not train the prior.
        learn: parts of the transform that learn: `before`, `gains`, `after`.
        distortion: `mse` (summed over the colors) or `ms-ssim` (1 - MS-SSIM).
        rate_weight: lambda at a step of 100 pixel values.
        rate_exponent: how lambda grows with the step.
        bit_price: cost of a bit when codes are chosen, in squared steps. Here all codes are chosen at
            once, so none benefits from cheaper neighbors, and the price has less effect than in the encoder.
        smallest_step: of the random quantizer step, in pixel values.
        largest_step: of the same.
        time_share: share of `--minutes` for this phase.
        bfloat16: autocast where the processor or GPU computes bfloat16 natively.
    """

    steps: int
    batch: int
    learning_rate: float
    prior_learning_rate: float = 0.0
    learn: tuple[Literal["before", "gains", "predictors", "after"], ...] = (
        "before",
        "gains",
        "after",
    )
    distortion: Literal["mse", "ms-ssim"] = "mse"
    rate_weight: float = 1200.0
    rate_exponent: float = 2.0
    bit_price: float = BIT_PRICE
    smallest_step: float = 18.0
    largest_step: float = 190.0
    time_share: float = 0.4
    bfloat16: bool = True


@dataclass(frozen=True)
class QualityTargets:
    """Targets and settings of the encoder, when a model is exported.

    Args:
        lowest_bpp: mean size of files of quality 1, in bits per pixel.
        highest_bpp: the same for quality 8.
        bit_price: cost of a bit when the encoder chooses codes, in squared steps.
    """

    lowest_bpp: float = 0.08
    highest_bpp: float = 1.0
    bit_price: float = BIT_PRICE


@dataclass(frozen=True)
class Recipe:
    """A whole run: data, networks, phases.

    Args:
        name: name of the trained model.
        vqvae: hierarchy, quantizers, transform.
        prior: widths and stages.
        prior_phase: phase 2, after the VQ-VAE.
        decoder_phase: phase 3, for the network after a wavelet's synthesis, on codes that stay.
        joint_phase: phase 4, for all networks around a wavelet and the prior.
        vqvae_phase: phase 1; absent if the transform is fixed and codes lie on a grid.
        data: crops.
        quality: sizes to fit the quality scale to (grids).
        seed: of every random stream.
        checkpoint_minutes: time between checkpoints.
        checkpoint_steps: steps between checkpoints; 0: by time only.
        description: one line for the model card.
    """

    name: str
    vqvae: VqvaeConfig
    prior: PriorConfig
    prior_phase: PriorPhaseConfig
    vqvae_phase: VqvaePhaseConfig | None = None
    decoder_phase: JointPhaseConfig | None = None
    joint_phase: JointPhaseConfig | None = None
    predictor_phase: PredictorPhaseConfig | None = None
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
        settings: such as `prior_phase.batch=4` or `vqvae.levels.0.groups=2`; values are TOML.

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
    """Build a recipe from parsed TOML.

    Raises:
        RecipeError: a key is unknown, missing or of the wrong type, or the parts do not fit.
    """
    recipe = from_plain(Recipe, plain, "recipe")
    try:
        check_transform(recipe.vqvae)
        check_prior(recipe.vqvae, recipe.prior)
    except ModelError as error:
        raise RecipeError(f"recipe '{recipe.name}': {error}") from error
    learned = any(level.quantizer.kind == "codebook" for level in recipe.vqvae.levels)
    if learned and recipe.vqvae_phase is None:
        raise RecipeError(f"recipe '{recipe.name}' has codebooks to learn: add [vqvae_phase].")
    _check_ranges(recipe)
    return recipe


def _check_ranges(recipe: Recipe) -> None:
    """Refuse numbers that would fail or make no sense in the middle of a run."""
    data, quality, prior = recipe.data, recipe.quality, recipe.prior_phase
    _within("seed", recipe.seed, 0, 2**63 - 1)
    _within("checkpoint_minutes", recipe.checkpoint_minutes, 0.01, math.inf)
    _within("checkpoint_steps", recipe.checkpoint_steps, 0, math.inf)
    _within("data.margin", data.margin, 0, 4096)
    _within("data.smallest_scale", data.smallest_scale, 0.01, 1)
    _within("data.gray_share", data.gray_share, 0, 1)
    _within("data.colour_jitter", data.colour_jitter, 0, 1)
    _within("quality.lowest_bpp", quality.lowest_bpp, 0.001, 24)
    _within("quality.highest_bpp", quality.highest_bpp, 1.1 * quality.lowest_bpp, 24)
    _within("quality.bit_price", quality.bit_price, 0, 10)
    _within("prior_phase.smallest_step", prior.smallest_step, 0.01, 1000)
    _within("prior_phase.largest_step", prior.largest_step, prior.smallest_step, 1000)
    _within("prior_phase.deadzone[0]", prior.deadzone[0], 0, 0.5)
    _within("prior_phase.deadzone[1]", prior.deadzone[1], prior.deadzone[0], 0.5)
    _check_phase("prior_phase", prior)
    for name, joint in (
        ("decoder_phase", recipe.decoder_phase),
        ("joint_phase", recipe.joint_phase),
    ):
        if joint is not None:
            _check_joint_phase(name, joint)
    align = recipe.vqvae.align
    if 2 * data.margin % align:
        raise RecipeError(f"data.margin must be a multiple of {align / 2:g}, got {data.margin}.")
    phase = recipe.vqvae_phase
    if phase is None:
        return
    _check_phase("vqvae_phase", phase)
    _within("vqvae_phase.commitment", phase.commitment, 0, 1000)
    _within("vqvae_phase.decay", phase.decay, 0, 1)
    _within("vqvae_phase.revive_below", phase.revive_below, 0, 1)
    _within("vqvae_phase.continuous_steps", phase.continuous_steps, 0, math.inf)
    if phase.crop < 1 or phase.crop % align:
        raise RecipeError(f"vqvae_phase.crop must be a multiple of {align}, got {phase.crop}.")


def _check_joint_phase(name: str, phase: JointPhaseConfig) -> None:
    _check_phase(name, phase)
    _within(f"{name}.prior_learning_rate", phase.prior_learning_rate, 0, 10)
    _within(f"{name}.rate_weight", phase.rate_weight, 1e-9, math.inf)
    _within(f"{name}.rate_exponent", phase.rate_exponent, 0, 10)
    _within(f"{name}.bit_price", phase.bit_price, 0, 10)
    _within(f"{name}.smallest_step", phase.smallest_step, 0.01, 1000)
    _within(f"{name}.largest_step", phase.largest_step, phase.smallest_step, 1000)
    if not phase.learn:
        raise RecipeError(f"{name}.learn names no part; give 'before', 'gains' or 'after'.")


def _check_phase(name: str, phase: VqvaePhaseConfig | PriorPhaseConfig | JointPhaseConfig) -> None:
    _within(f"{name}.steps", phase.steps, 1, math.inf)
    _within(f"{name}.batch", phase.batch, 1, math.inf)
    _within(f"{name}.learning_rate", phase.learning_rate, 0, 10)
    _within(f"{name}.time_share", phase.time_share, 0.001, 1000)


def _within(key: str, value: float, low: float, high: float) -> None:
    if not low <= value <= high:
        bound = f"at least {low:g}" if high == math.inf else f"{low:g} to {high:g}"
        raise RecipeError(f"{key} must be {bound}, got {value:g}.")


def _apply(plain: dict[str, Any], setting: str) -> None:
    """Apply a setting `key=value` to parsed TOML."""
    key, separator, value = setting.partition("=")
    if not separator:
        raise RecipeError(f"a setting is key=value, got '{setting}'.")
    try:
        parsed = tomllib.loads(f"value = {value}")["value"]
    except tomllib.TOMLDecodeError:
        parsed = value
    *tables, last = key.strip().split(".")
    place: Any = plain
    for table in tables:
        if isinstance(place, dict):
            place.setdefault(table, {})
        place = place[_entry(place, table, key)]
    place[_entry(place, last, key)] = parsed


def _entry(place: object, name: str, key: str) -> str | int:
    """Return the key `name` in a table, or the index it means in an array.

    Raises:
        RecipeError: `place` is neither of them, or the array has no such entry.
    """
    if isinstance(place, dict):
        return name
    if not isinstance(place, list):
        raise RecipeError(f"setting {key}: what holds '{name}' is not a table of the recipe.")
    if not name.isdecimal() or int(name) >= len(place):
        raise RecipeError(f"setting {key}: '{name}' is not an entry from 0 to {len(place) - 1}.")
    return int(name)


def recipe_to_toml(recipe: Recipe) -> str:
    """Return the whole recipe with defaults as TOML; `load_recipe` reads it back equal."""
    return tomli_w.dumps(to_plain(recipe))
