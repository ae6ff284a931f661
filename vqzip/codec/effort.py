"""Encoder effort: the nearest codes, codes chosen by rate and distortion, or refined codes."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from vqzip.errors import UsageError
from vqzip.models.config import ModelConfig

DEFAULT_EFFORT, LARGEST_EFFORT = 1, 3

ROUNDS = {2: 6, 3: 20}
"""Rounds of `Refinement` at the efforts that refine."""

REFERENCE_PRICE = 0.12
"""Cost of a bit of the whole file, in squared steps, when codes are refined and files compared: the slope of
the rate-distortion curve of a photograph over quality (0.11 to 0.14)."""


def check_effort(effort: int, model: ModelConfig) -> None:
    """Check that a model supports an effort.

    0 takes the nearest codes. 1 chooses every code by rate and distortion. 2 and 3 refine these codes by
    their effects on the decoded picture and on later codes, in 6 and 20 rounds; see `Refinement`.

    Refining weighs squared errors in steps of one size. So models that were trained for MS-SSIM, have
    codebooks, or have several steps support only efforts 0 and 1.

    Args:
        effort: 0 to 3.
        model: of the codec.

    Raises:
        UsageError: it does not support the effort.
    """
    if not 0 <= effort <= LARGEST_EFFORT:
        raise UsageError(f"effort must be 0 to {LARGEST_EFFORT}, got {effort}.")
    refines = model.vqvae.transform.equal_steps and model.metric == "psnr"
    if effort > DEFAULT_EFFORT and not refines:
        raise UsageError(
            f"the model '{model.name}' has the efforts 0 and 1 only, got {effort}; "
            "`photo-psnr` has 2 and 3, too."
        )


def cost(
    original: NDArray[np.uint8],
    decoded: NDArray[np.uint8],
    file_bytes: int,
    step: float,
    visible: NDArray[np.bool_] | None = None,
) -> float:
    """Return D + lambda R: the sum of squared errors plus the cost of the file's bits.

    Args:
        original: pixels.
        decoded: pixels of the same shape.
        file_bytes: of the whole file.
        step: of the requested quality, in pixel units; the transform is nearly orthonormal.
        visible: `(H, W)`, the visible pixels; None for all.
    """
    if visible is not None:
        original, decoded = original[visible], decoded[visible]
    error = np.square(original.astype(np.int32) - decoded).sum(dtype=np.int64)
    return float(error) + REFERENCE_PRICE * step**2 * 8 * file_bytes
