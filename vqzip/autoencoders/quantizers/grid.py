"""Grids: scalar quantization to multiples of a step, for every integer."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from vqzip.autoencoders.quantizers.quantizer import Quantized
from vqzip.autoencoders.spec import DEADZONE_ROUNDING, MAGNITUDES
from vqzip.errors import ModelError
from vqzip.hierarchy import LevelConfig

START_SHIFT = 0.06
"""Initial centroids: closer to zero than the code by this part of a step."""

CENTROID_DECAY = 0.99
"""Decay of the running means of centroids, for each batch."""


class GridQuantizer(nn.Module):
    """Scalar quantization to multiples of a step, with a dead zone and learned centroids.

    `q = sign(z) * floor(|z| / step + 0.4)`; it stands for `sign(q) * (|q| - shift) * step`.

    Args:
        level: groups; a grid has one code for each group and position.

    Attributes:
        centroid_shift: `(G, 3)` float32, parts of a step, for |q| = 1, 2, and 3 or more.

    Raises:
        ModelError: the level asks for residual stages.
    """

    centroid_shift: Tensor

    def __init__(self, level: LevelConfig) -> None:
        super().__init__()
        if level.depth != 1:
            raise ModelError("a grid has depth 1; use a smaller step instead of residual stages.")
        self.groups = level.groups
        shift = torch.full((level.groups, MAGNITUDES), START_SHIFT, dtype=torch.float32)
        self.register_buffer("centroid_shift", shift)

    def quantize(self, z_e: Tensor, step: Tensor) -> Quantized:
        """Return codes and centroids of latents `(N, G, h, w)`.

        Args:
            z_e: latents.
            step: `(N,)`, in the units of the latents.
        """
        with torch.no_grad():
            scaled = z_e.float() / step[:, None, None, None]
            q = scaled.sign() * (scaled.abs() + DEADZONE_ROUNDING).floor()
        codes = q.to(torch.int32).unsqueeze(2)
        return Quantized(codes, self.dequantize(codes, step))

    def dequantize(self, codes: Tensor, step: Tensor) -> Tensor:
        """Return centroids `(N, G, h, w)` of codes `(N, G, 1, h, w)`."""
        q = codes.squeeze(2)
        magnitude = q.abs()
        group = torch.arange(self.groups, device=q.device)[:, None, None]
        shift = self.centroid_shift[group, magnitude.clamp(1, MAGNITUDES) - 1]
        return q.sign() * (magnitude - shift) * step[:, None, None, None]

    def blank(self, count: int, height: int, width: int) -> Tensor:
        """Return zeros, `(count, G, height, width)`."""
        return self.centroid_shift.new_zeros(()).expand(count, self.groups, height, width)

    def check(self, codes: Tensor) -> None:
        """Accept every code: a grid has no largest value."""

    def commitment(self, z_e: Tensor, _z_q: Tensor) -> Tensor:
        """Return 0: the codewords of a grid do not follow latents."""
        return z_e.new_zeros(())

    def codewords(self) -> Tensor:
        """Return an empty tensor: the codewords of a grid are the integers."""
        return self.centroid_shift.new_empty(0)

    def centroids(self) -> Tensor:
        """Return the shifts of the reconstruction points."""
        return self.centroid_shift


def centroid_sums(codes: Tensor, latents: Tensor) -> tuple[Tensor, Tensor]:
    """Return the number of codes and the sum of their shifts, by magnitude of the code.

    Args:
        codes: `(N, G, h, w)` of a grid.
        latents: of the same shape, in steps.

    Returns:
        Counts and sums of `|q| - sign(q) z`, both `(G, 3)`.
    """
    magnitude = codes.abs()
    # With the sign of the code, because a code chosen by rate may have another sign than its latent.
    shift = magnitude - codes.sign() * latents
    own = [magnitude == m + 1 for m in range(MAGNITUDES - 1)] + [magnitude >= MAGNITUDES]
    counts = torch.stack([of_size.sum((0, 2, 3)) for of_size in own], 1)
    sums = torch.stack([(shift * of_size).sum((0, 2, 3)) for of_size in own], 1)
    return counts, sums


class CentroidLearner(nn.Module):
    """Learns the reconstruction point of each code of a grid: the mean of its latents.

    Args:
        quantizer: the quantizer to learn.

    Attributes:
        counts: `(G, 3)` decaying count of latents by magnitude of their code.
        sums: `(G, 3)` decaying sum of `|q| - |z| / step`.
    """

    counts: Tensor
    sums: Tensor

    def __init__(self, quantizer: GridQuantizer, _config: object) -> None:
        super().__init__()
        self.register_buffer("counts", torch.ones_like(quantizer.centroid_shift))
        self.register_buffer("sums", quantizer.centroid_shift.clone())
        self.fresh = torch.zeros(0, dtype=torch.bool)
        self.together: object = None

    def start(self, quantizer: GridQuantizer, z_e: Tensor, generator: torch.Generator) -> None:
        """Do nothing: the initial centroids of a grid do not depend on data."""

    @torch.no_grad()
    def learn(
        self,
        quantizer: GridQuantizer,
        z_e: Tensor,
        codes: Tensor,
        step: Tensor,
        _generator: torch.Generator,
    ) -> None:
        """Follow one batch.

        Args:
            quantizer: its `centroid_shift` is changed.
            z_e: `(N, G, h, w)`.
            codes: `(N, G, 1, h, w)`.
            step: `(N,)`.
        """
        counts, sums = centroid_sums(codes.squeeze(2), z_e / step[:, None, None, None])
        self.counts.mul_(CENTROID_DECAY).add_(counts)
        self.sums.mul_(CENTROID_DECAY).add_(sums)
        quantizer.centroid_shift.copy_(self.sums / self.counts)
