"""Centroids of grids, fitted after training to the codes that the encoder chooses."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor
from torch.nn import functional

from vqzip.autoencoders.discrete import Vqvae
from vqzip.autoencoders.quantizers.grid import centroid_sums
from vqzip.autoencoders.spec import MAGNITUDES
from vqzip.codes import Codes
from vqzip.pictures.picture import Picture

PRIOR_WEIGHT, PRIOR_SHIFT = 200.0, 0.02
"""Centroids of rare magnitudes are regularized as if there were this many codes with this shift."""


def centroids_are_free(vqvae: Vqvae) -> bool:
    """Whether centroids may be fitted to latents, each level by itself.

    A network after synthesis was trained with the model's centroids; with other centroids, it would
    correct errors that are gone. And if latents depend on coarser codes, the latents of `CentroidFit`
    are not those that the encoder quantized.
    """
    return not (vqvae.config.transform.corrects or vqvae.transform.conditional)


class CentroidFit:
    """Computes the best reconstruction point of each code of a grid: the mean of its latents.

    Args:
        vqvae: computes the latents.
    """

    def __init__(self, vqvae: Vqvae) -> None:
        self._vqvae = vqvae
        shapes = [(level.groups, MAGNITUDES) for level in self._vqvae.config.levels]
        weight = torch.tensor(PRIOR_WEIGHT, dtype=torch.float64)
        self._counts = [weight.repeat(shape) for shape in shapes]
        self._sums = [(weight * PRIOR_SHIFT).repeat(shape) for shape in shapes]

    @torch.no_grad()
    def add(self, picture: Picture, codes: Codes) -> None:
        """Add the codes of an RGB picture."""
        pixels = torch.from_numpy(picture.pixels).permute(2, 0, 1)[None].float()
        align = self._vqvae.config.align
        padding = (0, -picture.width % align, 0, -picture.height % align)
        pixels = functional.pad(pixels, padding, mode="replicate")
        step = self._vqvae.steps(1, codes.quality)
        features = self._vqvae.transform.analyze(pixels, step)
        for level, known in enumerate(codes.levels):
            z = self._vqvae.transform.latent(level, features, [], step) / step
            z = z[:, :, : known.shape[-2], : known.shape[-1]]
            counts, sums = centroid_sums(torch.from_numpy(known[:, 0])[None], z.double())
            self._counts[level] += counts
            self._sums[level] += sums

    def shifts(self) -> list[Tensor]:
        """Return `(G, 3)` a level, for `set_centroids`."""
        pairs = zip(self._sums, self._counts, strict=True)
        return [(sums / counts).float() for sums, counts in pairs]


def own_shifts(vqvae: Vqvae) -> list[Tensor]:
    """Return a copy of the centroids of every level."""
    return [quantizer.centroids().clone() for quantizer in vqvae.quantizers]


def set_centroids(vqvae: Vqvae, shifts: Sequence[Tensor]) -> None:
    """Set the centroids of every level."""
    for quantizer, shift in zip(vqvae.quantizers, shifts, strict=True):
        quantizer.centroids().copy_(shift)
