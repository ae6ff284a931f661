"""The phases that a recipe can list, each a dataclass that `kind` selects in TOML."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, TypeAlias

from vqzip.errors import RecipeError
from vqzip.models.config import BIT_PRICE
from vqzip.training.recipe.ranges import check_range, ranged

Part: TypeAlias = Literal["before", "gains", "predictors", "after"]
"""Networks around a wavelet."""


@dataclass(frozen=True, kw_only=True)
class Schedule:
    """What every phase has.

    Args:
        steps: optimizer steps when no time limit is given.
        batch: crops a step.
        learning_rate: of Adam; it falls to zero.
        time_share: share of `--minutes` for this phase.
        bfloat16: autocast where the processor or GPU computes bfloat16 natively.
    """

    steps: int = ranged(1)
    batch: int = ranged(1)
    learning_rate: float = ranged(0, 10)
    time_share: float = ranged(0.001, 1000, default=0.4)
    bfloat16: bool = True

    def check(self, where: str, align: int) -> None:
        """Check what ranges of single numbers cannot say.

        Args:
            where: dotted path for messages.
            align: pixels that crops must be a multiple of.

        Raises:
            RecipeError: two numbers do not fit.
        """


@dataclass(frozen=True, kw_only=True)
class RandomSteps(Schedule):
    """A phase whose quantizer steps are random, so that one model serves every quality.

    Args:
        smallest_step: in pixel values.
        largest_step: of the same.
    """

    smallest_step: float = ranged(0.01, 1000, default=18.0)
    largest_step: float = ranged(0.01, 1000, default=190.0)

    def check(self, where: str, align: int) -> None:
        """See `Schedule`."""
        super().check(where, align)
        check_range(f"{where}.largest_step", self.largest_step, self.smallest_step, 1000)


@dataclass(frozen=True, kw_only=True)
class RandomRounding(RandomSteps):
    """A phase whose codes are rounded with a random offset, as if the encoder had chosen them.

    Args:
        deadzone: range of the offset; 0.5 rounds to the nearest.
    """

    deadzone: tuple[float, float] = ranged(0, 0.5, default=(0.3, 0.45))

    def check(self, where: str, align: int) -> None:
        """See `Schedule`."""
        super().check(where, align)
        check_range(f"{where}.deadzone[1]", self.deadzone[1], self.deadzone[0], 0.5)


@dataclass(frozen=True, kw_only=True)
class VqvaePhaseConfig(Schedule):
    """Encoder, codebooks and decoder together.

    Args:
        commitment: beta of the commitment loss (VQ-VAE, eq. 3).
        codebook: `ema` (VQ-VAE, appendix A.1) or `kmeans`, a gradient of strength `codebook_rate`.
        decay: of the exponential moving average.
        codebook_rate: gamma of the k-means gradient.
        revive_below: a codeword used less than this share of the mean is replaced by a latent.
        continuous_steps: steps without quantization before k-means starts the codebooks; at most
            a quarter of the phase.
        crop: side of this phase's crops in pixels.
    """

    kind: Literal["vqvae"] = "vqvae"
    commitment: float = ranged(0, 1000, default=0.25)
    codebook: Literal["ema", "kmeans"] = "ema"
    decay: float = ranged(0, 1, default=0.99)
    codebook_rate: float = ranged(0, 1e6, default=1.0)
    revive_below: float = ranged(0, 1, default=0.2)
    continuous_steps: int = ranged(0, default=300)
    crop: int = ranged(1, default=256)
    time_share: float = ranged(0.001, 1000, default=0.6)

    def check(self, where: str, align: int) -> None:
        """See `Schedule`."""
        super().check(where, align)
        if self.crop % align:
            raise RecipeError(f"{where}.crop must be a multiple of {align}, got {self.crop}.")


@dataclass(frozen=True, kw_only=True)
class PriorPhaseConfig(RandomRounding):
    """The float prior on the codes; a batch has context tiles."""

    kind: Literal["prior"] = "prior"
    smallest_step: float = ranged(0.01, 1000, default=5.0)
    largest_step: float = ranged(0.01, 1000, default=130.0)
    bfloat16: bool = False


@dataclass(frozen=True, kw_only=True)
class PredictorPhaseConfig(RandomRounding):
    """The networks that predict details, and the network after synthesis, without the prior.

    Codes are rounded with a random offset. The loss of the predictors is the mean over crops of
    log(distortion / lambda + rate), where a formula estimates the rate.

    Args:
        rate_weight: lambda at a step of 100 pixel values; it grows with the square of the step.
    """

    kind: Literal["predictors"] = "predictors"
    rate_weight: float = ranged(1e-9, default=1600.0)
    time_share: float = ranged(0.001, 1000, default=0.3)


@dataclass(frozen=True, kw_only=True)
class WaveletNetworksConfig(RandomSteps):
    """Networks around a wavelet and the prior, by rate and distortion together.

    The loss is the mean of log(distortion / lambda + rate) over crops, with
    lambda = rate_weight * (step / 100) ** rate_exponent, in units of distortion per bit per pixel.

    Args:
        prior_learning_rate: of the prior, falling to zero; 0 does not train the prior.
        learn: parts of the transform that learn.
        distortion: `mse` (summed over the colors), `ms-ssim` (1 - MS-SSIM), or `jod` (10 - JOD of
            ColorVideoVDP, which needs the optional package `cvvdp`).
        rate_weight: lambda at a step of 100 pixel values.
        rate_exponent: how lambda grows with the step.
        squared_error: weight of the squared error beside another distortion, so that nothing drifts that
            the distortion does not see. It is divided by a lambda of its own, 1600 * (step / 100)**2.
        bit_price: cost of a bit when codes are chosen, in squared steps. Here all codes are chosen at
            once, so none benefits from cheaper neighbors, and the price has less effect than in the encoder.
    """

    prior_learning_rate: float = ranged(0, 10, default=0.0)
    learn: tuple[Part, ...] = ("before", "gains", "after")
    distortion: Literal["mse", "ms-ssim", "jod"] = "mse"
    rate_weight: float = ranged(1e-9, default=1200.0)
    rate_exponent: float = ranged(0, 10, default=2.0)
    squared_error: float = ranged(0, 10, default=0.0)
    bit_price: float = ranged(0, 10, default=BIT_PRICE)

    def check(self, where: str, align: int) -> None:
        """See `Schedule`."""
        super().check(where, align)
        if not self.learn:
            raise RecipeError(f"{where}.learn names no part; give 'before', 'gains' or 'after'.")


@dataclass(frozen=True, kw_only=True)
class JointPhaseConfig(WaveletNetworksConfig):
    """Networks around a wavelet and the prior; see `WaveletNetworksConfig`."""

    kind: Literal["joint"] = "joint"


@dataclass(frozen=True, kw_only=True)
class DecoderPhaseConfig(WaveletNetworksConfig):
    """The network after a wavelet's synthesis, on codes that stay; see `WaveletNetworksConfig`."""

    kind: Literal["decoder"] = "decoder"
    learn: tuple[Part, ...] = ("after",)


PhaseConfig: TypeAlias = (
    VqvaePhaseConfig
    | PriorPhaseConfig
    | PredictorPhaseConfig
    | DecoderPhaseConfig
    | JointPhaseConfig
)
"""What a recipe can list."""
