"""What an encoder's effort buys: how codes are chosen, and how many choices are compared."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from vqzip.errors import UsageError
from vqzip.models.config import ModelConfig
from vqzip.quality import Quality

LARGEST_EFFORT = 9

REFERENCE_PRICE = 0.12
"""What a bit of the whole file is worth, in squared steps, when files are compared: the slope of the
curve over quality of one photograph (0.11 to 0.14)."""


@dataclass(frozen=True)
class Setting:
    """One way to encode.

    Args:
        quality: to encode at.
        bit_price: in squared steps; 0 takes the nearest codes.
    """

    quality: Quality
    bit_price: float


_FURTHER_TRIALS = ((0, 0.07), (0, 0.14), (1, 0.14), (-1, 0.07))
"""Changes of the quality in eighths, and prices, that are compared with the model's own."""
_TRIALS_OF_EFFORT = {7: 1, 8: 2, 9: 4}


def settings(effort: int, quality: Quality, model: ModelConfig) -> list[Setting]:
    """Return the settings whose files an encoder compares.

    Effort 0 takes the nearest codes. 1 to 6 are one and the same: every code is chosen by rate and
    distortion. 7, 8 and 9 compare 2, 3 and 5 prices of a bit, 9 also an eighth of quality above and
    below; they take as many times as long, to save a fraction of a percent at best.

    For some models 7, 8 and 9 are the same as 6. One of a single quality has no step to tell what an
    error is worth. One trained for MS-SSIM spends its bits where squared error does not see them, and
    squared error is what files are compared by: the best file by `cost` would be a worse one.

    Args:
        effort: 0 to 9.
        quality: that is asked for.
        model: its qualities, and what it was trained for.

    Raises:
        UsageError: the effort is not 0 to 9.
    """
    if not 0 <= effort <= LARGEST_EFFORT:
        raise UsageError(f"effort goes from 0 to {LARGEST_EFFORT}, got {effort}.")
    if effort == 0:
        return [Setting(quality, 0.0)]
    qualities = model.vqvae.quality_steps
    comparable = qualities > 1 and model.metric == "psnr"
    count = _TRIALS_OF_EFFORT.get(effort, 0) if comparable else 0
    return [
        Setting(Quality(min(max(quality.eighths + change, 0), qualities - 1)), price)
        for change, price in ((0, model.bit_price), *_FURTHER_TRIALS[:count])
    ]


def cost(
    original: NDArray[np.uint8],
    decoded: NDArray[np.uint8],
    file_bytes: int,
    step: float,
    visible: NDArray[np.bool_] | None = None,
) -> float:
    """Return D + lambda R: the sum of squared errors and the worth of the file's bits.

    Args:
        original: pixels.
        decoded: pixels of the same shape.
        file_bytes: of the whole file.
        step: of the quality asked for, in pixel units; the transform is nearly orthonormal.
        visible: `(H, W)`, the pixels that count; None for all.
    """
    if visible is not None:
        original, decoded = original[visible], decoded[visible]
    error = np.square(original.astype(np.int32) - decoded).sum(dtype=np.int64)
    return float(error) + REFERENCE_PRICE * step**2 * 8 * file_bytes
