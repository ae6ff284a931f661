"""Constants and rules of the networks, shared by torch, where they learn, and ONNX.

This includes how far networks see: a tile goes through them together with the pixels around it that they can
see, so that tiles have no seams.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

from vqzip.autoencoders.config import (
    ConvTransformConfig,
    PredictorConfig,
    RefinerConfig,
    WaveletTransformConfig,
)
from vqzip.errors import ModelError
from vqzip.hierarchy import LevelConfig

ACTIVATION_SLOPE = 0.1
"""Slope of the leaky ReLU in the networks around the wavelet."""

LOG_STEP_CENTER, LOG_STEP_SPREAD = 4.0, 0.8
"""Approximate mean and deviation of log(step) for qualities 1 to 8 of `photo`."""

PIXEL_CENTER = PIXEL_SCALE = 127.5
"""Convolutional networks see (pixels - center) / scale: -1 to 1."""

PREDICT_1, UPDATE_1, PREDICT_2, UPDATE_2 = -1.586134342, -0.052980118, 0.882911076, 0.443506852
LOW_GAIN = 1.149604398
"""Low band: unit DC gain times the square root of two; the high band gets the inverse."""

COLORS = 3
COLOR_BASIS = ((0.568, 0.580, 0.584), (-0.732, 0.033, 0.680), (0.375, -0.814, 0.443))
"""Karhunen-Loeve basis of photographs (luma-like first), before orthonormalization."""

CENTER = 128.0
"""Subtracted from pixels before the wavelet."""

BLOCK = 4
"""A refiner works on blocks of this many pixels in each direction."""

GROUND = 5
"""A refiner's input has no local mean: the mean over this many blocks in each direction is subtracted."""

OUTPUT_SCALE = 0.3
"""Scale of a refiner's output: about the deviation of rounding, so that the first training steps are small."""

LARGEST_LOG_GAIN = 3.0
"""Gains stay within a factor of 20, because codes that the prior has not seen cost too many bits."""

LARGEST_COMPRESSED = 12.0
"""Largest compressed value in knees; no picture has larger ones, but a hostile file may."""

LARGEST_LOG_KNEE = 10.0

WINDOWS = (3, 7)
"""Sides of the windows that local variance is taken over, in positions of the level."""

VISIBLE_VARIANCE = 60.0
"""Squared pixel values: SSIM's constant (0.03 * 255)^2, below which variance does not mask."""

PREDICTOR_WINDOW = 7
"""A predictor's input has no local mean: the mean over this many positions in each direction is
subtracted."""

DEADZONE_ROUNDING = 0.4
"""Rounding offset: floor(|z| / step + this); below 0.5, because zero is the cheaper code."""

MAGNITUDES = 3
"""Magnitudes of a grid's codes with a centroid of their own: 1, 2, and 3 or more."""

QUANTIZER_CHUNK = 16384
"""Number of latents whose distances to all codewords are in memory at once."""

FILTER_REACH = 4
"""Taps on each side of the 9/7 filter."""


def latent_channels(level: LevelConfig) -> int:
    """Return the channels of a level's latents: groups x dim (1 for grids)."""
    return level.groups * level.quantizer.dim


def doublings(coarse: int, fine: int) -> int:
    """Return how often stride `fine` doubles to make `coarse`.

    Raises:
        ModelError: it does not.
    """
    ratio, rest = divmod(coarse, fine)
    if rest or ratio < 1 or ratio & (ratio - 1):
        raise ModelError(
            f"stride {coarse} must be stride {fine} times a power of two; "
            "list the levels of a conv transform coarse first."
        )
    return ratio.bit_length() - 1


def subbands(config: WaveletTransformConfig) -> list[int]:
    """Return the subbands of every level of a wavelet: the coarsest picture, then details."""
    return [COLORS, *(3 * COLORS for _ in range(config.decompositions))]


def refiner_reach(config: RefinerConfig | None) -> int:
    """Return how many pixels a refiner sees in each direction; 0 for no refiner."""
    if config is None:
        return 0
    convolutions = config.blocks * (1 if config.hidden else 2) + 2
    return BLOCK * (convolutions + GROUND // 2) + BLOCK - 1


def predictor_reach(config: PredictorConfig) -> int:
    """Return how many positions of its level a predictor sees in each direction."""
    convolutions = config.blocks * (1 if config.hidden else 2) + 2
    return config.fold * convolutions + config.fold - 1 + PREDICTOR_WINDOW // 2


def wavelet_reach(config: WaveletTransformConfig) -> int:
    """Return how far the subbands of a picture reach, with the networks between levels."""
    # The filter's taps are doubled by every decomposition.
    reach = FILTER_REACH << config.decompositions
    return reach + sum(p.stride * predictor_reach(p) for p in config.predictors)


def conv_analysis_reach(transform: ConvTransformConfig, levels: Sequence[LevelConfig]) -> int:
    """Return how far a latent sees: it depends on no pixel farther than this from its own cell."""
    strides = [1, *(level.stride for level in reversed(levels))]
    reaches = [encoder_reach(transform, fine, coarse) for fine, coarse in pairwise(strides)][::-1]
    through = [sum(reaches[number:]) for number in range(len(levels))]
    reach = through[0]
    # A level sees through its encoders, or through the coarser codes.
    for number, own in enumerate(through[1:], 1):
        hint = decoder_reach(transform, levels[:number], levels[number].stride)
        reach = max(own, reach + hint)
    return reach


def conv_synthesis_reach(transform: ConvTransformConfig, levels: Sequence[LevelConfig]) -> int:
    """Return how far a pixel sees: it depends on no latent whose cell is farther than this from it."""
    # The farthest cell lies wholly within the decoder's reach, so its near edge counts.
    return decoder_reach(transform, levels, 1) - (levels[0].stride - 1)


def encoder_reach(config: ConvTransformConfig, stride_in: int, stride_out: int) -> int:
    """Return the pixels beyond its own cell that an output position of an encoder sees."""
    halving = sum(stride_in << number for number in range(doublings(stride_out, stride_in)))
    return halving + stride_out * (1 + config.residual_blocks)


def decoder_reach(
    config: ConvTransformConfig, levels: Sequence[LevelConfig], stride_out: int
) -> int:
    """Return the pixels beyond its own cell that an output position of a decoder sees of the cells."""
    finest = levels[-1].stride
    # A level at stride s climbs by doublings from s, s / 2, ...: each sees one input more.
    climbing = (levels[0].stride - stride_out) * 2
    return climbing + finest * (1 + config.residual_blocks)
