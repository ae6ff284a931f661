"""The CDF 9/7 wavelet in an orthonormal colour basis, as a transform between pixels and latents.

Lifting factorisation of Daubechies and Sweldens (1998), the one of JPEG 2000's irreversible path,
with symmetric extension at the picture's borders. Subbands are scaled to unit norm as nearly as a
biorthogonal transform can be, so that one quantizer step serves every subband.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from vqzip.configs import WaveletTransformConfig

PREDICT_1, UPDATE_1, PREDICT_2, UPDATE_2 = -1.586134342, -0.052980118, 0.882911076, 0.443506852
LOW_GAIN = 1.149604398
"""Low band: unit DC gain times the square root of two; the high band gets the inverse."""

COLOUR_BASIS = ((0.568, 0.580, 0.584), (-0.732, 0.033, 0.680), (0.375, -0.814, 0.443))
"""Karhunen-Loeve basis of photographs (luma-like first), before orthonormalisation."""

CENTRE = 128.0


def _orthonormal(rows: tuple[tuple[float, ...], ...]) -> Tensor:
    """Return the nearest orthonormal matrix (polar decomposition), float32 `(3, 3)`."""
    u, _, vh = torch.linalg.svd(torch.tensor(rows, dtype=torch.float64))
    nearest: Tensor = u @ vh
    return nearest.float()


def _split(x: Tensor, dim: int) -> tuple[Tensor, Tensor]:
    """Return the even and the odd samples of an axis."""
    pairs = torch.unflatten(x, dim, (-1, 2))
    return pairs.select(dim + 1, 0), pairs.select(dim + 1, 1)


def _next(x: Tensor, dim: int) -> Tensor:
    """Return x[i + 1]; the last is repeated (symmetric extension of the even samples)."""
    n = x.shape[dim]
    return torch.cat([x.narrow(dim, 1, n - 1), x.narrow(dim, n - 1, 1)], dim)


def _previous(x: Tensor, dim: int) -> Tensor:
    """Return x[i - 1]; the first is repeated (symmetric extension of the odd samples)."""
    n = x.shape[dim]
    return torch.cat([x.narrow(dim, 0, 1), x.narrow(dim, 0, n - 1)], dim)


def analyse_axis(x: Tensor, dim: int) -> tuple[Tensor, Tensor]:
    """Split an axis of even length into low and high band, each half as long.

    Args:
        x: any shape.
        dim: number of the axis, counted from the front.
    """
    low, high = _split(x, dim)
    high = high + PREDICT_1 * (low + _next(low, dim))
    low = low + UPDATE_1 * (high + _previous(high, dim))
    high = high + PREDICT_2 * (low + _next(low, dim))
    low = low + UPDATE_2 * (high + _previous(high, dim))
    return low * LOW_GAIN, high / LOW_GAIN


def synthesise_axis(low: Tensor, high: Tensor, dim: int) -> Tensor:
    """Undo `analyse_axis`."""
    low, high = low / LOW_GAIN, high * LOW_GAIN
    low = low - UPDATE_2 * (high + _previous(high, dim))
    high = high - PREDICT_2 * (low + _next(low, dim))
    low = low - UPDATE_1 * (high + _previous(high, dim))
    high = high - PREDICT_1 * (low + _next(low, dim))
    return torch.stack([low, high], dim + 1).flatten(dim, dim + 1)


class WaveletTransform(nn.Module):
    """Pixels to `decompositions + 1` latents and back; nothing in it is trained.

    Level 0 is the coarsest picture, `(N, 3, h, w)`; level l the details of decomposition
    `decompositions - l`, `(N, 9, h, w)`: colour-major, in a colour LH (horizontal low), HL, HH.

    Args:
        config: number of decompositions.
    """

    colour: Tensor

    def __init__(self, config: WaveletTransformConfig) -> None:
        super().__init__()
        self.decompositions = config.decompositions
        self.register_buffer("colour", _orthonormal(COLOUR_BASIS), persistent=False)
        # Four taps on each side of the 9/7 filter, doubled by every decomposition.
        self.analysis_reach = self.synthesis_reach = 4 * (2**config.decompositions - 1) + 4

    def analyse(self, pixels: Tensor) -> list[Tensor]:
        """Return the latents of every level, coarse first.

        Args:
            pixels: `(N, 3, H, W)` float32, 0 to 255; sides are multiples of `2**decompositions`.
        """
        x = torch.einsum("ck,nkhw->nchw", self.colour, pixels - CENTRE)
        details = []
        for _ in range(self.decompositions):
            low, high = analyse_axis(x, 3)
            x, lh = analyse_axis(low, 2)
            hl, hh = analyse_axis(high, 2)
            details.append(torch.stack([lh, hl, hh], 2).flatten(1, 2))
        return [x, *reversed(details)]

    def latent(self, level: int, features: list[Tensor], quantized: list[Tensor]) -> Tensor:
        """Return one level's latents; they do not depend on coarser codes."""
        del quantized
        return features[level]

    def synthesise(self, quantized: list[Tensor]) -> Tensor:
        """Return pixels `(N, 3, H, W)`, not clipped, from the latents of every level."""
        x = quantized[0]
        for detail in quantized[1:]:
            lh, hl, hh = torch.unflatten(detail, 1, (3, 3)).unbind(2)
            x = synthesise_axis(synthesise_axis(x, lh, 2), synthesise_axis(hl, hh, 2), 3)
        return torch.einsum("ck,nchw->nkhw", self.colour, x) + CENTRE
