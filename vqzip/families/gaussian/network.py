"""The networks of a Gaussian VAE, its evidence lower bound, and the importance-weighted bound."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from vqzip.families.discretized_logistic import centered, log_mass
from vqzip.families.gaussian.config import STRIDE, GaussianConfig

LARGEST_LOG_DEVIATION = 4.0
"""Logarithms of posterior deviations stay within plus and minus this."""


@dataclass(frozen=True)
class Normal:
    """A diagonal normal distribution; all tensors `(N, latent)`.

    Args:
        mean: of every dimension.
        log_deviation: natural logarithm of the standard deviation.
    """

    mean: Tensor
    log_deviation: Tensor

    def sample(self, noise: Tensor) -> Tensor:
        """Return the sample that belongs to standard normal noise (the reparametrization)."""
        return self.mean + self.log_deviation.exp() * noise

    def log_density(self, z: Tensor) -> Tensor:
        """Return the natural logarithm of the density at z, summed over dimensions: `(N,)`."""
        unit = (z - self.mean) * torch.exp(-self.log_deviation)
        constant = 0.5 * math.log(2 * math.pi)
        return -(0.5 * unit.square() + self.log_deviation + constant).sum(-1)

    def divergences(self) -> Tensor:
        """Return KL(q || N(0, 1)) of every dimension in nats, `(N, latent)` (Kingma 2014, appendix B)."""
        variance = torch.exp(2 * self.log_deviation)
        return 0.5 * (self.mean.square() + variance - 1 - 2 * self.log_deviation)

    def divergence(self) -> Tensor:
        """Return the sum of `divergences`, `(N,)`."""
        return self.divergences().sum(-1)


@dataclass(frozen=True)
class Bound:
    """The negative evidence lower bound in nats, by picture, all `(N,)`.

    Args:
        distortion: -log p(x | z).
        rate: KL(q(z | x) || p(z)).
    """

    distortion: Tensor
    rate: Tensor

    @property
    def total(self) -> Tensor:
        """Distortion and rate."""
        return self.distortion + self.rate


class GaussianVae(nn.Module):
    """Convolutional encoder and decoder with a standard normal prior.

    Args:
        config: sizes.
    """

    def __init__(self, config: GaussianConfig) -> None:
        super().__init__()
        self.config = config
        self.noise_shape = (config.latent,)
        hidden, channels = config.hidden, config.channels
        self.rows, self.columns = config.height // STRIDE, config.width // STRIDE
        cells = 2 * hidden * self.rows * self.columns
        self.encoder = nn.Sequential(
            nn.Conv2d(channels, hidden, 4, 2, 1),
            nn.SiLU(),
            nn.Conv2d(hidden, 2 * hidden, 4, 2, 1),
            nn.SiLU(),
            nn.Flatten(),
            nn.Linear(cells, 2 * config.latent),
        )
        self.decoder = nn.Sequential(
            nn.Linear(config.latent, cells),
            nn.SiLU(),
            nn.Unflatten(1, (2 * hidden, self.rows, self.columns)),
            nn.ConvTranspose2d(2 * hidden, hidden, 4, 2, 1),
            nn.SiLU(),
            nn.ConvTranspose2d(hidden, 2 * channels, 4, 2, 1),
        )

    def posterior(self, values: Tensor) -> Normal:
        """Return q(z | x) of pictures `(N, C, H, W)`, 0 to 255."""
        mean, log_deviation = self.encoder(centered(values)).chunk(2, -1)
        limit = LARGEST_LOG_DEVIATION
        return Normal(mean, limit * torch.tanh(log_deviation / limit))

    def likelihood(self, z: Tensor) -> tuple[Tensor, Tensor]:
        """Return means and logarithms of scales of p(x | z), both `(N, C, H, W)`."""
        mean, log_scale = self.decoder(z).chunk(2, 1)
        # Starts near a scale of a tenth of the range.
        return mean, log_scale - 2.0

    def bound(self, values: Tensor, noise: Tensor) -> Bound:
        """Return the evidence lower bound of pictures.

        Args:
            values: `(N, C, H, W)`, 0 to 255.
            noise: `(N, latent)` standard normal.
        """
        posterior = self.posterior(values)
        distortion = -log_mass(values, *self.likelihood(posterior.sample(noise))).sum((1, 2, 3))
        return Bound(distortion, posterior.divergence())

    def importance_bound(self, values: Tensor, noise: Tensor) -> Tensor:
        """Return the importance-weighted bound on -log p(x) in nats (Burda et al. 2016): `(N,)`.

        Args:
            values: `(N, C, H, W)`, 0 to 255.
            noise: `(K, N, latent)` standard normal; the bound is closer with more samples.
        """
        posterior = self.posterior(values)
        standard = Normal(torch.zeros_like(posterior.mean), torch.zeros_like(posterior.mean))
        weights = []
        for own in noise:
            z = posterior.sample(own)
            log_likelihood = log_mass(values, *self.likelihood(z)).sum((1, 2, 3))
            weights.append(log_likelihood + standard.log_density(z) - posterior.log_density(z))
        return math.log(len(weights)) - torch.logsumexp(torch.stack(weights), 0)

    def loss(
        self, values: Tensor, _labels: Tensor | None, generator: torch.Generator, _progress: float
    ) -> dict[str, Tensor]:
        """Return `loss`, and what is logged, in bits a sample; see `vqzip.training.likelihood`."""
        noise = torch.randn(len(values), self.config.latent, generator=generator)
        bound = self.bound(values, noise.to(values.device))
        unit = 1 / (math.log(2) * values[0].numel())
        distortion, rate = bound.distortion.mean() * unit, bound.rate.mean() * unit
        return {
            "loss": distortion + self.config.beta * rate,
            "bits_per_dim": (distortion + rate).detach(),
            "distortion": distortion.detach(),
            "rate": rate.detach(),
        }
