"""Terms of the VQ-VAE's loss: pure functions, each one a term of a paper's equation.

Van den Oord 2017, equation 3: `L = log p(x | z_q) + |sg[z_e] - e|^2 + beta |z_e - sg[e]|^2`; the
first is a squared error (section 4.1), the third is `quantizers.quantizer.commitment`.
"""

from __future__ import annotations

import functools
import math
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional

from vqzip.autoencoders.discrete import VqvaeOutput
from vqzip.autoencoders.spec import PIXEL_SCALE
from vqzip.measuring.metrics import jod

SCALE_WEIGHTS = (0.0448, 0.2856, 0.3001, 0.2363, 0.1333)
"""Of MS-SSIM's five scales, fine first (Wang, Simoncelli and Bovik 2003, section 3.2)."""

WINDOW, WINDOW_SIGMA = 11, 1.5
LUMINANCE, CONTRAST = 0.01**2, 0.03**2
"""SSIM's Gaussian window, and its constants for samples in [0, 1]."""


@dataclass(frozen=True)
class VqvaeLoss:
    """Scalars of one batch.

    Args:
        total: what is minimized; the others are its parts.
        reconstruction: mean squared error of pixels on the scale -1 to 1.
        commitment: times beta.
    """

    total: Tensor
    reconstruction: Tensor
    commitment: Tensor


def squared_error(x_hat: Tensor, pixels: Tensor) -> Tensor:
    """Return the mean squared error, in squared pixel values (0 to 255).

    Args:
        x_hat: `(N, 3, H, W)` reconstruction.
        pixels: `(N, 3, H, W)`.
    """
    return (x_hat - pixels).square().mean()


def codebook_loss(z_e: Tensor, z_q: Tensor) -> Tensor:
    """Return the mean of `(sg[z_e] - e)**2` (van den Oord 2017, equation 3, second term).

    Where codebooks learn by EMA or the k-means gradient this is a figure to report only.

    Args:
        z_e: `(N, C, h, w)`.
        z_q: of the same shape; the gradient flows here alone.
    """
    return (z_e.detach() - z_q).square().mean()


def vqvae_loss(output: VqvaeOutput, pixels: Tensor, *, beta: float) -> VqvaeLoss:
    """Return reconstruction + beta * commitment (Razavi 2019, equation 2, with EMA codebooks).

    Args:
        output: what the VQ-VAE made of `pixels`.
        pixels: `(N, 3, H, W)`, 0 to 255.
        beta: weight of the commitment, 0.25 in both papers.
    """
    # The papers' networks work on normalized pixels, and beta is a weight against that scale.
    reconstruction = squared_error(output.x_hat, pixels) / PIXEL_SCALE**2
    commitment = beta * output.commitment
    return VqvaeLoss(reconstruction + commitment, reconstruction, commitment)


def squared_error_sum(x_hat: Tensor, pixels: Tensor) -> Tensor:
    """Return the squared error of each picture, summed over colors, mean over pixels, `(N,)`."""
    return (x_hat - pixels).square().sum(1).mean((1, 2))


def dissimilarity(x_hat: Tensor, pixels: Tensor) -> Tensor:
    """Return 1 - MS-SSIM of each picture, `(N,)` (Wang, Simoncelli and Bovik 2003, equation 7).

    The same number as `evaluation.metrics.ms_ssim` before rounding to 8 bits, by matrix products,
    whose gradients are several times as fast on a CPU as those of a convolution a plane.

    Args:
        x_hat: `(N, 3, H, W)`, 0 to 255, sides of at least 11 pixels. Below 161 pixels, the coarsest scales
            are left out.
        pixels: `(N, 3, H, W)`.
    """
    x, y = x_hat / 255, pixels / 255
    similarity = x.new_ones(())
    scales = _scales(min(x.shape[2:]))
    for scale, weight in enumerate(SCALE_WEIGHTS[:scales]):
        luminance, contrast = _similarities(x, y)
        last = scale == scales - 1
        term = contrast * luminance if last else contrast
        # A negative one has no power; a planar mean of it is rare and means all is lost there.
        similarity = similarity * term.mean((2, 3)).clamp(min=1e-4) ** weight
        x, y = (_halve(plane) for plane in (x, y))
    return 1 - similarity.mean(1)


def _scales(side: int) -> int:
    """Return how many of MS-SSIM's scales have a place for the window."""
    sides = [math.ceil(side / (1 << scale)) for scale in range(len(SCALE_WEIGHTS))]
    return max(1, sum(s >= WINDOW for s in sides))


def _similarities(x: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
    """Return SSIM's luminance and contrast-structure maps `(N, C, h - 10, w - 10)`."""
    count = x.shape[1]
    mean_x, square_x, product = torch.split(_blur(torch.cat([x, x * x, x * y], 1)), count, 1)
    mean_y, square_y = torch.split(_blur(torch.cat([y, y * y], 1)), count, 1)
    variances = square_x - mean_x**2 + square_y - mean_y**2
    contrast = (2 * (product - mean_x * mean_y) + CONTRAST) / (variances + CONTRAST)
    luminance = (2 * mean_x * mean_y + LUMINANCE) / (mean_x**2 + mean_y**2 + LUMINANCE)
    return luminance, contrast


def _blur(x: Tensor) -> Tensor:
    """Apply the Gaussian window where it fits; in float32, for variances are small differences."""
    rows, columns = (_window_matrix(side, x.device) for side in x.shape[2:])
    with torch.autocast(x.device.type, enabled=False):
        return rows.mT @ (x.float() @ columns)


@functools.cache
def _window_matrix(side: int, device: torch.device) -> Tensor:
    """Return `(side, side - 10)`: column j holds the window at j..j + 10."""
    offsets = torch.arange(WINDOW, dtype=torch.float64) - WINDOW // 2
    window = torch.exp(-(offsets**2) / (2 * WINDOW_SIGMA**2))
    matrix = torch.zeros(side, side - WINDOW + 1, dtype=torch.float64)
    for row, weight in enumerate(window / window.sum()):
        matrix.diagonal(-row).fill_(weight)
    return matrix.float().to(device)


def _halve(x: Tensor) -> Tensor:
    """Average pairs of rows and columns; odd sides get a zero before them, as in pytorch-msssim."""
    return functional.avg_pool2d(x, 2, padding=[side % 2 for side in x.shape[2:]])


DISTORTIONS = {
    "mse": squared_error_sum,
    "ms-ssim": dissimilarity,
    "jod": jod.visible_differences,
}
"""What a phase can minimize, each `(N,)` from `(N, 3, H, W)` twice."""


def check_distortion(name: str) -> None:
    """Raise a UsageError if a distortion needs a package that is missing or does not work."""
    if name == "jod":
        jod.check()
