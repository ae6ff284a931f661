"""A loaded Gaussian VAE: it scores, reconstructs, samples, and compresses sets of pictures by bits back."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import torch

from vqzip.autoencoders.arithmetic import own_arithmetic
from vqzip.families.discretized_logistic import LARGEST_VALUE
from vqzip.families.family import Stored
from vqzip.families.gaussian import bits_back
from vqzip.families.gaussian.config import GaussianConfig
from vqzip.families.gaussian.network import GaussianVae
from vqzip.families.loading import BATCH, batches, check_pixels, device_of, to_pixels
from vqzip.models.abilities import Draw, Latents, Pixels, Score, refuse_settings
from vqzip.pictures.picture import Picture

SAMPLES = 16
"""Samples of the importance-weighted bound."""


class GaussianModel:
    """A Gaussian VAE.

    Args:
        stored: its folder.
        network: in evaluation mode.
    """

    def __init__(self, stored: Stored[GaussianConfig], network: GaussianVae) -> None:
        self.name, self.config, self.network = stored.config.name, stored.config, network
        self._id = stored.id
        self._shape = (self.config.height, self.config.width, self.config.channels)

    @own_arithmetic()
    def score(
        self,
        pixels: Pixels,
        *,
        labels: Sequence[int] | None = None,
        seed: int = 0,
        samples: int = SAMPLES,
    ) -> Score:
        """Return the importance-weighted bound of every picture; with one sample it is the ELBO.

        Args:
            pixels: `(N, H, W, C)`.
            labels: ignored.
            seed: of the samples.
            samples: more make the bound closer.
        """
        del labels
        check_pixels(self.name, pixels, self._shape)
        generator = torch.Generator().manual_seed(seed)
        bits = np.empty(len(pixels))
        for place, values in batches(pixels, self.network):
            noise = torch.randn(samples, len(values), self.config.latent, generator=generator)
            nats = self.network.importance_bound(values, noise.to(values.device))
            bits[place] = nats.numpy(force=True) / math.log(2)
        return Score(bits, "bound")

    @own_arithmetic()
    def reconstruct(self, pixels: Pixels) -> Pixels:
        """Return pictures from the means of their posteriors."""
        return self.pictures_of(self.latents(pixels))

    @own_arithmetic()
    def latents(self, pixels: Pixels) -> Latents:
        """Return the means of the posteriors, `(N, latent)`."""
        check_pixels(self.name, pixels, self._shape)
        found = np.empty((len(pixels), self.config.latent), np.float32)
        for place, values in batches(pixels, self.network):
            found[place] = self.network.posterior(values).mean.numpy(force=True)
        return found

    @own_arithmetic()
    def informative(self, pixels: Pixels) -> Latents:
        """Return the mean KL divergence of each latent in nats, `(latent,)`."""
        check_pixels(self.name, pixels, self._shape)
        found = np.zeros(self.config.latent, np.float32)
        for _, values in batches(pixels, self.network):
            found += self.network.posterior(values).divergences().sum(0).numpy(force=True)
        return (found / max(len(pixels), 1)).astype(np.float32)

    @own_arithmetic()
    def pictures_of(self, latents: Latents) -> Pixels:
        """Return the means of p(x | z) of latents `(N, latent)` as pictures."""
        parts = [
            self._shown(
                torch.from_numpy(latents[first : first + BATCH]).to(device_of(self.network))
            )
            for first in range(0, len(latents), BATCH)
        ]
        return np.concatenate(parts)

    @own_arithmetic()
    def sample(self, draw: Draw) -> list[Picture]:
        """Return pictures of latents from the prior; the temperature scales their deviation.

        A picture is the means of its samples, which is less noisy than samples would be.
        """
        refuse_settings(self, draw, "size", "quality", "label", "top_k")
        generator = torch.Generator().manual_seed(draw.seed)
        z = draw.temperature * torch.randn(draw.count, self.config.latent, generator=generator)
        pixels = self._shown(z.to(device_of(self.network)))
        return [Picture(one[:, :, 0] if one.shape[2] == 1 else one) for one in pixels]

    def encode_set(self, pixels: Pixels) -> bytes:
        """Return the file of pictures by bits back; see `bits_back`."""
        check_pixels(self.name, pixels, self._shape)
        return bits_back.encode(self.network.cpu(), self._id, pixels)

    def decode_set(self, data: bytes) -> Pixels:
        """Return the pictures of a file.

        Raises:
            InvalidFile: it is damaged, or of another model.
        """
        return bits_back.decode(self.network.cpu(), self._id, data)

    def _shown(self, z: torch.Tensor) -> Pixels:
        """Return the means of p(x | z) as pictures."""
        mean, _ = self.network.likelihood(z)
        return to_pixels(((mean + 1) * (LARGEST_VALUE / 2)).clamp(0, LARGEST_VALUE).round())
