"""A recipe as frozen dataclasses: data, networks, phases."""

from __future__ import annotations

from dataclasses import dataclass, field

from vqzip.autoencoders.config import VqvaeConfig
from vqzip.autoencoders.kinds import check_transform
from vqzip.errors import ModelError, RecipeError
from vqzip.models.config import BIT_PRICE, ModelConfig, TrainedFor
from vqzip.models.limits import check_limits
from vqzip.prior.config import PriorConfig, check_prior
from vqzip.training.recipe.phases import PhaseConfig, WaveletNetworksConfig
from vqzip.training.recipe.ranges import check_range, check_ranges, ranged


@dataclass(frozen=True)
class DataConfig:
    """How training crops are cut from pictures.

    Args:
        margin: pixels around the prior's context tile that only the transform sees.
        smallest_scale: pictures are scaled by a random factor between this and 1.
        gray_share: share of the crops that are converted to gray.
        colour_jitter: strength of random brightness, contrast and saturation (needs torchvision).
        flip: exchange left and right in half of the crops; wrong for digits and text.
    """

    margin: int = ranged(0, 4096, default=0)
    smallest_scale: float = ranged(0.01, 1, default=0.6)
    gray_share: float = ranged(0, 1, default=0.0)
    colour_jitter: float = ranged(0, 1, default=0.0)
    flip: bool = True


@dataclass(frozen=True)
class QualityTargets:
    """Targets and settings of the encoder, when a model is exported.

    Args:
        lowest_bpp: mean size of files of quality 1, in bits per pixel.
        highest_bpp: the same for quality 8.
        bit_price: cost of a bit when the encoder chooses codes, in squared steps.
    """

    lowest_bpp: float = ranged(0.001, 24, default=0.08)
    highest_bpp: float = ranged(0.001, 24, default=1.0)
    bit_price: float = ranged(0, 10, default=BIT_PRICE)


@dataclass(frozen=True)
class Recipe:
    """A whole run.

    Args:
        name: name of the trained model.
        vqvae: hierarchy, quantizers, transform.
        prior: widths and stages.
        phases: of training, one after another.
        data: crops.
        quality: sizes to fit the quality scale to (grids).
        seed: of every random stream.
        checkpoint_minutes: time between checkpoints.
        checkpoint_steps: steps between checkpoints; 0: by time only.
        look_minutes: time between looks at validation pictures; 0: at the end of each phase only.
        description: one line for the model card.
    """

    name: str
    vqvae: VqvaeConfig
    prior: PriorConfig
    phases: tuple[PhaseConfig, ...]
    data: DataConfig = field(default_factory=DataConfig)
    quality: QualityTargets = field(default_factory=QualityTargets)
    seed: int = ranged(0, 2**63 - 1, default=0)
    checkpoint_minutes: float = ranged(0.01, default=3.0)
    checkpoint_steps: int = ranged(0, default=0)
    look_minutes: float = ranged(0, default=10.0)
    description: str = ""

    @property
    def model(self) -> ModelConfig:
        """The recipe's model before its qualities are fitted.

        Its metric is that of the last phase with a distortion; all phases without one use squared errors.
        """
        metric: TrainedFor = "psnr"
        for phase in self.phases:
            if isinstance(phase, WaveletNetworksConfig):
                metric = "psnr" if phase.distortion == "mse" else phase.distortion
        return ModelConfig(self.name, self.vqvae, self.prior, metric, self.quality.bit_price)


def check_recipe(recipe: Recipe) -> None:
    """Refuse what would fail or make no sense in the middle of a run.

    Raises:
        RecipeError: a number is out of its range, or the parts do not fit.
    """
    check_ranges(recipe, "")
    try:
        check_limits(recipe.model)
        check_transform(recipe.vqvae)
        check_prior(recipe.vqvae, recipe.prior)
    except ModelError as error:
        raise RecipeError(f"recipe '{recipe.name}': {error}") from error
    if not recipe.phases:
        raise RecipeError(f"recipe '{recipe.name}' has no phases; add [[phases]].")
    for number, phase in enumerate(recipe.phases):
        phase.check(f"phases.{number}", recipe.vqvae.align)
    lowest, highest = recipe.quality.lowest_bpp, recipe.quality.highest_bpp
    check_range("quality.highest_bpp", highest, 1.1 * lowest, 24)
    align = recipe.vqvae.align
    if 2 * recipe.data.margin % align:
        raise RecipeError(
            f"data.margin must be a multiple of {align / 2:g}, got {recipe.data.margin}."
        )
