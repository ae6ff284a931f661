"""Distortion of 8-bit pictures: MSE, PSNR, MS-SSIM; and rate in bits per pixel and dimension.

Pictures are uint8 arrays `(H, W, 3)` RGB or `(H, W)` gray, as they come out of a decoder.
"""

from __future__ import annotations

import math

import numpy as np
import torch
from numpy.typing import NDArray

from vqzip.errors import PictureError, UsageError, missing_package

MS_SSIM_SCALES = 5
MS_SSIM_WINDOW = 11
MS_SSIM_SMALLEST_SIDE = (MS_SSIM_WINDOW - 1) * 2 ** (MS_SSIM_SCALES - 1) + 1
"""161 pixels: after four halvings, a shorter side is smaller than the window."""


def mse(original: NDArray[np.uint8], decoded: NDArray[np.uint8], device: str = "cpu") -> float:
    """Return the mean squared error over all channels, on samples in [0, 1].

    The squares are summed as integers, so that every device gives the same number.

    Raises:
        PictureError: the two differ in size.
        UsageError: the device is missing.
    """
    return _mse(*_on_device(original, decoded, device))


def psnr_db(error: float) -> float:
    """Return 10 log10(1 / error) for a mean squared error on [0, 1]; infinite for no error.

    For 8-bit pictures that is 20 log10(255 / RMSE), over all channels together.
    """
    return math.inf if error == 0 else -10 * math.log10(error)


def ms_ssim(
    original: NDArray[np.uint8], decoded: NDArray[np.uint8], device: str = "cpu"
) -> float | None:
    """Return the multi-scale structural similarity (Wang, Simoncelli and Bovik 2003).

    Computed by pytorch-msssim with 5 scales and a Gaussian window of 11, on RGB planes with range
    1 in float32, and averaged over the planes, as in published results of learned codecs.

    Returns:
        A number up to 1, or None if a side is shorter than `MS_SSIM_SMALLEST_SIDE` pixels: such a
        picture has fewer than five scales, so its score would not be comparable.

    Raises:
        PictureError: the two differ in size.
        UsageError: pytorch-msssim or the device is missing.
    """
    return _ms_ssim(*_on_device(original, decoded, device))


def check_ms_ssim_installed() -> None:
    """Fail at the start instead of after the first picture.

    Raises:
        UsageError: pytorch-msssim is not installed.
    """
    try:
        import pytorch_msssim  # noqa: F401  (asked only whether it is there)
    except ImportError as error:
        raise missing_package("pytorch-msssim", "MS-SSIM") from error


def rate_bpp(payload_bytes: int, pixels: int) -> float:
    """Return bits per pixel of a whole file."""
    return 8 * payload_bytes / pixels


def bits_per_dim(payload_bytes: int, pixels: int, channels: int) -> float:
    """Return bits per dimension of a whole file; each sample of each channel is a dimension."""
    return 8 * payload_bytes / (pixels * channels)


def _on_device(
    original: NDArray[np.uint8], decoded: NDArray[np.uint8], device: str
) -> tuple[torch.Tensor, torch.Tensor]:
    """Return both as (1, C, H, W) uint8 tensors; if only one of them is gray, it becomes RGB."""
    if torch.device(device).type == "cuda" and not torch.cuda.is_available():
        raise UsageError(f"there is no device '{device}' to measure on; choose cpu.")
    if original.shape[:2] != decoded.shape[:2]:
        raise PictureError(
            "only pictures of one size can be compared, got "
            f"{original.shape[1]} x {original.shape[0]} and {decoded.shape[1]} x {decoded.shape[0]}."
        )
    as_rgb = original.ndim == 3 or decoded.ndim == 3
    first, second = (
        np.broadcast_to(p[..., None] if p.ndim == 2 else p, (*p.shape[:2], 3 if as_rgb else 1))
        for p in (original, decoded)
    )
    return _planes(first, device), _planes(second, device)


def _planes(pixels: NDArray[np.uint8], device: str) -> torch.Tensor:
    return torch.from_numpy(pixels.transpose(2, 0, 1)[None].copy()).to(device)


def _mse(first: torch.Tensor, second: torch.Tensor) -> float:
    difference = first.to(torch.int32) - second.to(torch.int32)
    squares = int(torch.sum(difference * difference, dtype=torch.int64))
    return squares / (first.numel() * 255**2)


def _ms_ssim(first: torch.Tensor, second: torch.Tensor) -> float | None:
    if min(first.shape[2:]) < MS_SSIM_SMALLEST_SIDE:
        return None
    check_ms_ssim_installed()
    import pytorch_msssim

    # Variances are small differences of large means, and TF32, the default of cuDNN, is too
    # coarse for them.
    with torch.no_grad(), torch.backends.cudnn.flags(enabled=True, allow_tf32=False):
        similarity = pytorch_msssim.ms_ssim(
            first.float() / 255, second.float() / 255, data_range=1.0, win_size=MS_SSIM_WINDOW
        )
    return float(similarity)
