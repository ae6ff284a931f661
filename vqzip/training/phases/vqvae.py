"""The phase that trains a VQ-VAE: encoder, codebooks and decoder."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from vqzip.autoencoders.codeword_learning import CodewordLearning, usage
from vqzip.autoencoders.quantizers.codebook_learning import (
    CodebookLearningConfig,
    EmaConfig,
    KMeansGradientConfig,
)
from vqzip.autoencoders.spec import PIXEL_SCALE
from vqzip.training.checkpoints import (
    module_tensors,
    optimizer_tensors,
    restore_module,
    restore_optimizer,
)
from vqzip.training.data.crops import Window
from vqzip.training.losses import squared_error, vqvae_loss
from vqzip.training.phases.optimizing import autocast, learning_rate, step_optimizer
from vqzip.training.phases.phase import Setup
from vqzip.training.recipe.phases import VqvaePhaseConfig

START_BATCHES = 4
"""Batches of latents that k-means starts the codebooks from."""

CONTINUOUS_SHARE = 0.25
"""Largest share of the phase without quantization, so that short runs have codebooks, too."""


class VqvaePhase:
    """Trains encoder, codebooks and decoder.

    Args:
        config: of the phase.
        setup: with the VQ-VAE.
    """

    name = "vqvae"
    stream, start_stream = 1, 3
    figures: tuple[str, ...] = ("loss", "psnr_db")

    def __init__(self, config: VqvaePhaseConfig, setup: Setup) -> None:
        self.config, self.setup, self.vqvae = config, setup, setup.vqvae
        self.steps, self.time_share = config.steps, config.time_share
        self.learning = CodewordLearning(self.vqvae, _learning(config)).to(setup.device)
        for learner in self.learning.learners:
            learner.together = setup.ranks
        self.started = False
        self.window = Window(config.crop, setup.recipe.vqvae.align)
        trained = [p for p in self.vqvae.parameters() if p.requires_grad]
        if config.codebook == "kmeans":
            # These get their gradient from the learner, not from autograd.
            trained += [p for p in self.vqvae.parameters() if not p.requires_grad]
        self.optimizer = torch.optim.Adam(trained, lr=config.learning_rate)

    def step(self, number: int, remaining: float) -> dict[str, float]:
        """Take one step on a batch of crops."""
        batch = self.setup.batch(self.stream, number, self.config.batch, self.window)
        pixels = batch.pixels
        generator = self.setup.generator(number)
        rate = learning_rate(self.config.learning_rate, number, remaining)
        if number < self.config.continuous_steps and remaining > 1 - CONTINUOUS_SHARE:
            return self._continuous_step(pixels, rate)
        if not self.started:
            many = self.config.batch * START_BATCHES
            # All processes start from the same crops, and so with the same codebooks.
            start = self.setup.loader.once(self.start_stream, number, many, self.window)
            self.learning.start(self.vqvae, self.setup.on_device(start).pixels, generator)
            self.started = True
        with autocast(self.setup.device, wanted=self.config.bfloat16):
            output = self.vqvae(pixels)
        loss = vqvae_loss(output, pixels, beta=self.config.commitment)
        self.optimizer.zero_grad(set_to_none=True)
        loss.total.backward()  # type: ignore[no-untyped-call]
        self.learning.learn(self.vqvae, output, generator)
        self.learning.forget(self.vqvae, self.optimizer)
        norm = step_optimizer(self.optimizer, rate, self.setup.ranks)
        metrics = {
            "loss": loss.total.item(),
            "psnr_db": _psnr_db(output.x_hat, pixels),
            "order0_bpp": order0_bpp(output.codes, pixels),
            "commitment": loss.commitment.item(),
            "gradient": norm,
        }
        for level, codes in enumerate(output.codes):
            used = usage(codes)
            metrics[f"level{level}_used"] = used.used
            metrics[f"level{level}_perplexity"] = used.perplexity
        return metrics

    def _continuous_step(self, pixels: Tensor, rate: float) -> dict[str, float]:
        """Train as a plain autoencoder: codebooks that start from moving latents collapse."""
        with autocast(self.setup.device, wanted=self.config.bfloat16):
            x_hat = self.vqvae.autoencode(pixels)
        loss = squared_error(x_hat, pixels) / PIXEL_SCALE**2
        self.optimizer.zero_grad(set_to_none=True)
        loss.backward()  # type: ignore[no-untyped-call]
        norm = step_optimizer(self.optimizer, rate, self.setup.ranks)
        return {"loss": loss.item(), "psnr_db": _psnr_db(x_hat, pixels), "gradient": norm}

    def tensors(self) -> dict[str, Tensor]:
        """Return VQ-VAE, the learners' running means and the optimizer."""
        return {
            **module_tensors("vqvae", self.vqvae),
            **module_tensors("learning", self.learning),
            **optimizer_tensors(self.optimizer),
        }

    def restore(self, tensors: dict[str, Tensor]) -> None:
        """Restore what `tensors` returned."""
        restore_module("vqvae", self.vqvae, tensors)
        restore_module("learning", self.learning, tensors)
        restore_optimizer(self.optimizer, tensors)
        # The counts of a learner are ones until its codebooks start.
        counts = [t for name, t in self.learning.state_dict().items() if name.endswith("counts")]
        self.started = any(bool((t != 1).any()) for t in counts)


def order0_bpp(codes: list[Tensor], pixels: Tensor) -> float:
    """Return the entropy of a batch's codes, one histogram a codebook, in bits per pixel.

    Args:
        codes: `(N, G, D, h, w)` a level.
        pixels: `(N, 3, H, W)` that they stand for.
    """
    bits = 0.0
    for level in codes:
        for book in level.movedim(0, 2).flatten(2).flatten(0, 1):
            counts = book.unique(return_counts=True)[1].double()
            bits -= float((counts * (counts / counts.sum()).log2()).sum())
    return bits / (pixels.numel() / 3)


def _psnr_db(x_hat: Tensor, pixels: Tensor) -> float:
    """Return the PSNR of what clipping would leave; rounding to 8 bits comes later."""
    mse = (x_hat.detach().clamp(0, 255) - pixels).square().mean().item()
    return 10 * math.log10(255**2 / max(mse, 1e-9))


def _learning(config: VqvaePhaseConfig) -> CodebookLearningConfig:
    rule = (
        EmaConfig(config.decay)
        if config.codebook == "ema"
        else KMeansGradientConfig(config.codebook_rate, config.decay)
    )
    return CodebookLearningConfig(rule, config.revive_below)
