"""What the prior phase learns from, for each kind of codes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

import torch
from torch import Tensor

from vqzip.training.phases.optimizing import LOWEST_BPP, random_log_steps, random_offsets
from vqzip.training.phases.phase import Setup
from vqzip.training.phases.tiles import ContextTiles, coded
from vqzip.training.recipe.phases import PriorPhaseConfig


class PriorCodes(Protocol):
    """Codes to learn from, and how their code lengths count."""

    def codes(
        self, pixels: Tensor, gray: Tensor, generator: torch.Generator, /
    ) -> tuple[list[Tensor], Tensor]:
        """Return codes `(N, C, T, T)` int64 a level and the natural logarithm of the step `(N,)`.

        Args:
            pixels: `(N, 3, H, W)` of crops.
            gray: `(N,)` bool.
            generator: of the step.
        """

    def loss(self, rate_bpp: Tensor, /) -> Tensor:
        """Return the loss of the rates of crops, `(N,)` in bits per pixel."""


class CodebookCodes:
    """The nearest codes, as the encoder writes them.

    Args:
        setup: with the VQ-VAE.
        tiles: in the crops.
    """

    def __init__(self, setup: Setup, _config: PriorPhaseConfig, tiles: ContextTiles) -> None:
        self._vqvae, self._tiles = setup.vqvae, tiles

    def codes(
        self, pixels: Tensor, _gray: Tensor, generator: torch.Generator
    ) -> tuple[list[Tensor], Tensor]:
        """See `PriorCodes`."""
        corner = self._tiles.corner(generator)
        levels = [level.flatten(1, 2).long() for level in self._vqvae.encode(pixels)]
        cut = [self._tiles.cut(number, level, corner) for number, level in enumerate(levels)]
        return cut, torch.zeros(len(pixels), device=pixels.device)

    def loss(self, rate_bpp: Tensor) -> Tensor:
        """Return the mean."""
        return rate_bpp.mean()


class GridCodes:
    """Codes rounded with a random dead zone, at a random step.

    The encoder's choice by rate and distortion makes such codes, and one model serves every quality.

    Args:
        setup: with the VQ-VAE.
        config: ranges of the random numbers.
        tiles: in the crops.
    """

    def __init__(self, setup: Setup, config: PriorPhaseConfig, tiles: ContextTiles) -> None:
        self._vqvae, self._config, self._tiles = setup.vqvae, config, tiles

    def codes(
        self, pixels: Tensor, gray: Tensor, generator: torch.Generator
    ) -> tuple[list[Tensor], Tensor]:
        """See `PriorCodes`."""
        count = len(pixels)
        log_step = random_log_steps(self._config, count, generator).to(pixels.device)
        offset = random_offsets(self._config, count, generator).to(pixels.device)
        corner = self._tiles.corner(generator)
        step = log_step.exp()
        features = self._vqvae.transform.analyze(pixels, step)
        codes = []
        for number in range(len(self._vqvae.config.levels)):
            latents = self._vqvae.transform.latent(number, features, [], step)
            scaled = self._tiles.cut(number, latents, corner) / step[:, None, None, None]
            rounded = scaled.sign() * (scaled.abs() + offset[:, None, None, None]).floor()
            codes.append((rounded * coded(self._vqvae.config, number, gray)).long())
        return codes, log_step

    def loss(self, rate_bpp: Tensor) -> Tensor:
        """Return the mean logarithm: with random steps, low rates should count as much as high ones."""
        return torch.log(LOWEST_BPP + rate_bpp).mean()


PRIOR_CODES: dict[str, Callable[[Setup, PriorPhaseConfig, ContextTiles], PriorCodes]] = {
    "categorical": CodebookCodes,
    "logistic": GridCodes,
}
"""By the head of the prior."""
