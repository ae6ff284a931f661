"""What the prior phase learns from, for each kind of codes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

import torch
from torch import Tensor

from vqzip.training.data.crops import Batch
from vqzip.training.phases.optimizing import LOWEST_BPP, random_log_steps, random_offsets
from vqzip.training.phases.phase import Setup
from vqzip.training.phases.tiles import ContextTiles, Tile, coded
from vqzip.training.recipe.phases import PriorPhaseConfig


class PriorCodes(Protocol):
    """Codes to learn from, and how their code lengths count."""

    def codes(
        self, batch: Batch, tiles: ContextTiles, generator: torch.Generator, /
    ) -> tuple[list[Tensor], Tensor, Tile]:
        """Return codes `(N, C, h, w)` int64 a level, the natural logarithm of the step `(N,)`, and their tile.

        Args:
            batch: crops.
            tiles: of which a random one is taken.
            generator: of the step.
        """

    def loss(self, rate_bpp: Tensor, /) -> Tensor:
        """Return the loss of the rates of crops, `(N,)` in bits per pixel."""


class CodebookCodes:
    """The nearest codes, as the encoder writes them.

    Args:
        setup: with the VQ-VAE.
    """

    def __init__(self, setup: Setup, _config: PriorPhaseConfig) -> None:
        self._vqvae = setup.vqvae

    def codes(
        self, batch: Batch, tiles: ContextTiles, generator: torch.Generator
    ) -> tuple[list[Tensor], Tensor, Tile]:
        """See `PriorCodes`."""
        tile = tiles.random(batch, generator)
        levels = [level.flatten(1, 2).long() for level in self._vqvae.encode(batch.pixels)]
        cut = [tile.cut(number, level) for number, level in enumerate(levels)]
        return cut, torch.zeros(len(batch.pixels), device=batch.pixels.device), tile

    def loss(self, rate_bpp: Tensor) -> Tensor:
        """Return the mean."""
        return rate_bpp.mean()


class GridCodes:
    """Codes rounded with a random dead zone, at a random step.

    The encoder's choice by rate and distortion makes such codes, and one model serves every quality.

    Args:
        setup: with the VQ-VAE.
        config: ranges of the random numbers.
    """

    def __init__(self, setup: Setup, config: PriorPhaseConfig) -> None:
        self._setup, self._vqvae, self._config = setup, setup.vqvae, config

    def codes(
        self, batch: Batch, tiles: ContextTiles, generator: torch.Generator
    ) -> tuple[list[Tensor], Tensor, Tile]:
        """See `PriorCodes`."""
        log_step = self._setup.own(random_log_steps(self._config, generator))
        offset = self._setup.own(random_offsets(self._config, generator))
        tile = tiles.random(batch, generator)
        step = log_step.exp()
        features = self._vqvae.transform.analyze(batch.pixels, step)
        codes = []
        for number in range(len(self._vqvae.config.levels)):
            latents = self._vqvae.transform.latent(number, features, [], step)
            scaled = tile.cut(number, latents) / step[:, None, None, None]
            rounded = scaled.sign() * (scaled.abs() + offset[:, None, None, None]).floor()
            codes.append((rounded * coded(self._vqvae.config, number, batch.gray)).long())
        return codes, log_step, tile

    def loss(self, rate_bpp: Tensor) -> Tensor:
        """Return the mean logarithm: with random steps, low rates should count as much as high ones."""
        return torch.log(LOWEST_BPP + rate_bpp).mean()


PRIOR_CODES: dict[str, Callable[[Setup, PriorPhaseConfig], PriorCodes]] = {
    "categorical": CodebookCodes,
    "logistic": GridCodes,
}
"""By the head of the prior."""
