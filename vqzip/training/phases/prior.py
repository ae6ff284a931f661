"""The phase that trains the prior: the code length of the codes of random crops."""

from __future__ import annotations

import torch

from vqzip.training.phases.optimizing import autocast, learning_rate, step_optimizer
from vqzip.training.phases.phase import NetworksPhase, Setup
from vqzip.training.phases.prior_codes import PRIOR_CODES
from vqzip.training.phases.tiles import ContextTiles
from vqzip.training.recipe.phases import PriorPhaseConfig


class PriorPhase(NetworksPhase):
    """Trains the prior on the codes of random crops; nothing else learns.

    Args:
        config: of the phase.
        setup: whose VQ-VAE makes the codes.
    """

    name = "prior"
    stream = 2
    figures: tuple[str, ...] = ("loss", "code_length_bpp")

    def __init__(self, config: PriorPhaseConfig, setup: Setup) -> None:
        self.config, self.setup = config, setup
        self.steps, self.time_share = config.steps, config.time_share
        self.tiles = ContextTiles(setup.recipe.vqvae, setup.recipe.data.margin)
        self.codes = PRIOR_CODES[setup.recipe.prior.head](setup, config)
        self.optimizer = torch.optim.Adam(setup.prior.parameters(), lr=config.learning_rate)

    def step(self, number: int, remaining: float) -> dict[str, float]:
        """Take one step on a batch of context tiles."""
        setup, prior = self.setup, self.setup.prior
        batch = setup.batch(self.stream, number, self.config.batch, self.tiles.window)
        generator = setup.generator(number)
        with torch.no_grad():
            codes, log_step, tile = self.codes.codes(batch, self.tiles, generator)
        gray = batch.gray & setup.recipe.vqvae.luma_alone
        with autocast(setup.device, wanted=self.config.bfloat16):
            condition = prior.conditions(log_step, gray)
            lengths = prior.code_lengths(codes, condition, gray)
        total = torch.stack(lengths).sum(0) / tile.pixels
        loss = self.codes.loss(total)
        rate = learning_rate(self.config.learning_rate, number, remaining)
        self.optimizer.zero_grad(set_to_none=True)
        loss.backward()  # type: ignore[no-untyped-call]
        norm = step_optimizer(self.optimizer, rate, setup.ranks)
        metrics = {"loss": loss.item(), "code_length_bpp": total.mean().item(), "gradient": norm}
        for level, bits in enumerate(lengths):
            metrics[f"level{level}_bits_per_code"] = bits.mean().item() / codes[level][0].numel()
        return metrics
