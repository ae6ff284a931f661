"""Configurations of VQ-VAEs. Networks are built from these, never from the shapes of weights."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from vqzip.hierarchy import Hierarchy
from vqzip.quality import QUALITY_STEPS, Quality, QualityConfig


@dataclass(frozen=True)
class ConvTransformConfig:
    """Residual encoder and decoder of VQ-VAE (2017) and VQ-VAE-2 (2019), section A of both."""

    hidden: int = 128
    residual_hidden: int = 32
    residual_blocks: int = 2
    kind: Literal["conv"] = "conv"

    corrects = True
    """The decoder was trained with the quantizers' reconstruction points, so they must stay."""

    luma_alone = False
    """Whether the first third of the groups is luma, the only codes of a gray picture."""

    equal_steps = False
    """Whether the transform is nearly orthonormal and all steps are equal."""

    def levels_of_reduction(self, _reduction: int) -> None:
        """Return None: no level is a smaller picture."""


@dataclass(frozen=True)
class RefinerConfig:
    """A residual network on blocks of 4 x 4 pixels, before the wavelet's analysis or after synthesis.

    Args:
        width: channels.
        blocks: residual blocks of two 3 x 3 convolutions.
        hidden: channels between the two convolutions of a block, of which the second is then 1 x 1;
            0 for two 3 x 3 convolutions of full width.
    """

    width: int
    blocks: int
    hidden: int = field(default=0, metadata={"left_out": "at default"})


@dataclass(frozen=True)
class PredictorConfig:
    """A network that predicts the details of one level from the picture that the coarser levels make.

    Args:
        stride: of the level.
        width: channels.
        hidden: channels between the two convolutions of a residual block.
        blocks: residual blocks.
        fold: the network works on blocks of this many positions in each direction.
    """

    stride: int
    width: int
    hidden: int
    blocks: int
    fold: int = 1


@dataclass(frozen=True)
class GainsConfig:
    """Steps that differ by subband, and by what the coarser levels show around a position.

    Args:
        width: of the networks that see the coarser levels; with them, steps also grow with the magnitude
            of a value. 0 for only a constant for each subband.
    """

    width: int = 0


@dataclass(frozen=True)
class WaveletTransformConfig:
    """CDF 9/7 wavelet in an orthonormal color basis; level 0 is the coarsest picture.

    Args:
        decompositions: number of wavelet levels (5: strides 2 to 32).
        before: network that changes the picture before analysis.
        after: network that changes what synthesis made of the codes.
        gains: learned steps; without it, all steps are equal.
        predictors: networks that predict details from the coarser levels, at most one for each level.

    Groups of a level are color-major. Luma comes first, the third that a gray picture has.
    """

    decompositions: int = 5
    before: RefinerConfig | None = None
    after: RefinerConfig | None = None
    gains: GainsConfig | None = None
    predictors: tuple[PredictorConfig, ...] = field(default=(), metadata={"left_out": "at default"})
    kind: Literal["wavelet"] = "wavelet"

    @property
    def corrects(self) -> bool:
        """Whether a network was trained with the quantizers' reconstruction points, so that they must stay."""
        return self.after is not None

    luma_alone = True

    @property
    def equal_steps(self) -> bool:
        """Whether all steps are equal."""
        return self.gains is None

    def levels_of_reduction(self, reduction: int) -> int | None:
        """Return how many levels are the low band at 1/`reduction` of the size, a power of two; None if none are."""
        levels = self.decompositions + 2 - reduction.bit_length()
        return levels if 1 <= levels <= self.decompositions else None


@dataclass(frozen=True)
class VqvaeConfig(Hierarchy):
    """A VQ-VAE of any hierarchy.

    Args:
        levels: coarse first; strides fall or stay from one to the next.
        transform: the networks between pixels and latents.
        quality: step of the grid by quality; None if the model has only one quality.
    """

    transform: ConvTransformConfig | WaveletTransformConfig
    quality: QualityConfig | None = None

    @property
    def quality_steps(self) -> int:
        """Number of qualities: 57 (1.0 to 8.0 by eighths) or one."""
        return QUALITY_STEPS if self.quality is not None else 1

    @property
    def luma_alone(self) -> bool:
        """Whether a gray picture has only the codes of luma, as with the wavelet."""
        return self.transform.luma_alone

    def nearest_quality(self, value: float) -> Quality:
        """Return the model's quality that is nearest to a number; some models have only one.

        Raises:
            ModelError: the number is not 1 to 8.
        """
        return Quality(0) if self.quality is None else Quality.of(value)

    def levels_of_reduction(self, reduction: int) -> int | None:
        """Return how many levels hold the picture at 1/`reduction` of its size.

        Args:
            reduction: a power of two.

        Returns:
            None if no number of levels does: of the wavelet's low bands, each is half as large as the next.
        """
        return self.transform.levels_of_reduction(reduction)

    def step(self, quality: Quality) -> float:
        """Return the step of the quantizers; see `Hierarchy`."""
        return super().step(quality) if self.quality is None else self.quality.step(quality)
