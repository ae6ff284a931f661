"""Terms of the VQ-VAE's loss: pure functions, each one a term of a paper's equation.

Van den Oord 2017, equation 3: `L = log p(x | z_q) + |sg[z_e] - e|^2 + beta |z_e - sg[e]|^2`; the
first is a squared error (section 4.1), the third is `nets.quantizer.commitment`.
"""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor

from vqzip.nets.conv_transform import PIXEL_SCALE
from vqzip.nets.vqvae import VqvaeOutput


@dataclass(frozen=True)
class VqvaeLoss:
    """Scalars of one batch.

    Args:
        total: what is minimised; the others are its parts.
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
    # The papers' networks work on normalised pixels, and beta is a weight against that scale.
    reconstruction = squared_error(output.x_hat, pixels) / PIXEL_SCALE**2
    commitment = beta * output.commitment
    return VqvaeLoss(reconstruction + commitment, reconstruction, commitment)
