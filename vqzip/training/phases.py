"""The two phases of training: the VQ-VAE, then the prior on its codes."""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Protocol

import torch
from torch import Tensor, nn

from vqzip.configs import CONTEXT_TILE
from vqzip.nets.codebook_learning import (
    CodebookLearningConfig,
    CodewordLearning,
    EmaConfig,
    KMeansGradientConfig,
    usage,
)
from vqzip.nets.conv_transform import PIXEL_SCALE
from vqzip.nets.pixelcnn import PixelCnn
from vqzip.nets.vqvae import Vqvae
from vqzip.training.checkpoints import (
    module_tensors,
    optimiser_tensors,
    restore_module,
    restore_optimiser,
)
from vqzip.training.image_sources import CropSource
from vqzip.training.losses import squared_error, vqvae_loss
from vqzip.training.recipe import PriorPhaseConfig, Recipe, VqvaePhaseConfig


START_BATCHES = 4
"""Batches of latents that k-means starts the codebooks from."""


class Phase(Protocol):
    """What the loop asks of a phase."""

    name: str
    steps: int
    time_share: float

    def step(self, number: int, remaining: float) -> dict[str, float]:
        """Take one optimiser step; `remaining` falls from 1 to 0. Returns metrics."""

    def tensors(self) -> dict[str, Tensor]:
        """Return all that a checkpoint needs to go on."""

    def restore(self, tensors: dict[str, Tensor]) -> None:
        """Put back what `tensors` gave."""


@contextmanager
def autocast(device: torch.device, *, wanted: bool) -> Iterator[None]:
    """Use bfloat16 where it is wanted and computed natively."""
    native = device.type == "cuda" or torch.cpu._is_avx512_bf16_supported()  # noqa: SLF001
    with torch.autocast(device.type, dtype=torch.bfloat16, enabled=wanted and native):
        yield


def step_optimiser(optimiser: torch.optim.Optimizer, rate: float) -> float:
    """Take one clipped step at a learning rate; returns the norm of the gradient."""
    parameters = [p for group in optimiser.param_groups for p in group["params"]]
    norm = nn.utils.clip_grad_norm_(parameters, 1.0)
    for group in optimiser.param_groups:
        group["lr"] = rate
    optimiser.step()
    return float(norm)


def learning_rate(highest: float, number: int, remaining: float) -> float:
    """Warm up over 100 steps, then follow a half cosine to zero."""
    warm = min(1.0, (number + 1) / 100)
    return highest * warm * 0.5 * (1 - math.cos(math.pi * remaining))


class VqvaePhase:
    """Phase 1: encoder, codebooks and decoder.

    Args:
        recipe: with its VQ-VAE phase.
        vqvae: what is trained.
        source: of crops.
        device: where to train.
    """

    name = "vqvae"
    stream = 1

    def __init__(
        self, recipe: Recipe, vqvae: Vqvae, source: CropSource, device: torch.device
    ) -> None:
        assert recipe.vqvae_phase is not None
        self.config: VqvaePhaseConfig = recipe.vqvae_phase
        self.steps, self.time_share = self.config.steps, self.config.time_share
        self.vqvae, self.source, self.device = vqvae, source, device
        self.seed = recipe.seed
        self.learning = CodewordLearning(vqvae, _learning(self.config)).to(device)
        trained = [p for p in vqvae.parameters() if p.requires_grad]
        if self.config.codebook == "kmeans":
            # These get their gradient from the learner, not from autograd.
            trained += [p for p in vqvae.parameters() if not p.requires_grad]
        self.optimiser = torch.optim.Adam(trained, lr=self.config.learning_rate)

    def step(self, number: int, remaining: float) -> dict[str, float]:
        """Take one step on a batch of crops."""
        pixels, _ = self.source.batch(self.stream, number, self.config.batch, self.config.crop)
        pixels = pixels.to(self.device)
        generator = torch.Generator().manual_seed(self.seed * 1_000_003 + number)
        rate = learning_rate(self.config.learning_rate, number, remaining)
        if number < self.config.continuous_steps:
            return self._continuous_step(pixels, rate)
        if number == self.config.continuous_steps:
            many = self.config.batch * START_BATCHES
            pictures, _ = self.source.batch(self.stream + 2, number, many, self.config.crop)
            self.learning.start(self.vqvae, pictures.to(self.device), generator)
        with autocast(self.device, wanted=self.config.bfloat16):
            output = self.vqvae(pixels)
        loss = vqvae_loss(output, pixels, beta=self.config.commitment)
        self.optimiser.zero_grad(set_to_none=True)
        loss.total.backward()  # type: ignore[no-untyped-call]
        self.learning.learn(self.vqvae, output, generator)
        norm = step_optimiser(self.optimiser, rate)
        metrics = {
            "loss": loss.total.item(),
            "psnr_db": _psnr_db(output.x_hat, pixels),
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
        with autocast(self.device, wanted=self.config.bfloat16):
            x_hat = self.vqvae.autoencode(pixels)
        loss = squared_error(x_hat, pixels) / PIXEL_SCALE**2
        self.optimiser.zero_grad(set_to_none=True)
        loss.backward()  # type: ignore[no-untyped-call]
        norm = step_optimiser(self.optimiser, rate)
        return {"loss": loss.item(), "psnr_db": _psnr_db(x_hat, pixels), "gradient": norm}

    def tensors(self) -> dict[str, Tensor]:
        """Return VQ-VAE, the learners' running means and the optimiser."""
        return {
            **module_tensors("vqvae", self.vqvae),
            **module_tensors("learning", self.learning),
            **optimiser_tensors(self.optimiser),
        }

    def restore(self, tensors: dict[str, Tensor]) -> None:
        """Put back what `tensors` gave."""
        restore_module("vqvae", self.vqvae, tensors)
        restore_module("learning", self.learning, tensors)
        restore_optimiser(self.optimiser, tensors)


def _psnr_db(x_hat: Tensor, pixels: Tensor) -> float:
    mse = (x_hat.detach().clamp(0, 255) - pixels).square().mean().item()
    return 10 * math.log10(255**2 / max(mse, 1e-9))


def _learning(config: VqvaePhaseConfig) -> CodebookLearningConfig:
    rule = (
        EmaConfig(config.decay)
        if config.codebook == "ema"
        else KMeansGradientConfig(config.codebook_rate, config.decay)
    )
    return CodebookLearningConfig(rule, config.revive_below)


class PriorPhase:
    """Phase 2: the code length of the codes of random crops.

    Grid codes are rounded with a random deadzone, at a random step, because the encoder's choice by
    rate and distortion makes such codes and one model serves every quality.

    Args:
        recipe: with its prior phase.
        vqvae: from phase 1; not trained here.
        prior: the float network.
        source: of crops.
        device: where to train.
    """

    name = "prior"
    stream = 2

    def __init__(
        self,
        recipe: Recipe,
        vqvae: Vqvae,
        prior: PixelCnn,
        source: CropSource,
        device: torch.device,
    ) -> None:
        self.config: PriorPhaseConfig = recipe.prior_phase
        self.margin = recipe.data.margin
        self.side = CONTEXT_TILE + 2 * recipe.data.margin
        self.grid = recipe.prior.head == "logistic"
        self.gray_apart = recipe.prior.gray_stages > 0
        self.steps, self.time_share = self.config.steps, self.config.time_share
        self.vqvae, self.prior, self.source, self.device = vqvae, prior, source, device
        self.seed = recipe.seed
        self.optimiser = torch.optim.Adam(prior.parameters(), lr=self.config.learning_rate)

    def step(self, number: int, remaining: float) -> dict[str, float]:
        """Take one step on a batch of context tiles."""
        pixels, gray = self.source.batch(self.stream, number, self.config.batch, self.side)
        pixels, gray = pixels.to(self.device), gray.to(self.device)
        generator = torch.Generator().manual_seed(self.seed * 1_000_003 + number)
        with torch.no_grad():
            codes, log_step = self._codes(pixels, gray, generator)
        with autocast(self.device, wanted=self.config.bfloat16):
            condition = self.prior.conditions(log_step, gray & self.gray_apart)
            lengths = self.prior.code_lengths(codes, condition, gray & self.gray_apart)
        pixels_a_tile = CONTEXT_TILE**2
        total = torch.stack(lengths).sum(0) / pixels_a_tile
        # With a random step, low rates should count as much as high ones: percentages, not bits.
        loss = torch.log(0.05 + total).mean() if self.grid else total.mean()
        rate = learning_rate(self.config.learning_rate, number, remaining)
        self.optimiser.zero_grad(set_to_none=True)
        loss.backward()  # type: ignore[no-untyped-call]
        norm = step_optimiser(self.optimiser, rate)
        metrics = {"loss": loss.item(), "code_length_bpp": total.mean().item(), "gradient": norm}
        for level, bits in enumerate(lengths):
            metrics[f"level{level}_bits_per_code"] = bits.mean().item() / codes[level][0].numel()
        return metrics

    def _codes(
        self, pixels: Tensor, gray: Tensor, generator: torch.Generator
    ) -> tuple[list[Tensor], Tensor]:
        """Return codes `(N, C, H, W)` int64 a level and the natural log of the step `(N,)`."""
        count = len(pixels)
        if not self.grid:
            codes = [level.flatten(1, 2).long() for level in self.vqvae.encode(pixels)]
            return codes, torch.zeros(count, device=self.device)
        low, high = math.log(self.config.smallest_step), math.log(self.config.largest_step)
        log_step = low + (high - low) * torch.rand(count, generator=generator)
        first, last = self.config.deadzone
        offset = first + (last - first) * torch.rand(count, generator=generator)
        log_step, offset = log_step.to(self.device), offset.to(self.device)
        features = self.vqvae.transform.analyse(pixels)
        corner = self._corner(generator)
        codes = []
        for number, level in enumerate(self.vqvae.config.levels):
            z = self.vqvae.transform.latent(number, features, [])
            side, start = CONTEXT_TILE // level.stride, [c // level.stride for c in corner]
            z = z[:, :, start[0] : start[0] + side, start[1] : start[1] + side]
            scaled = z / log_step.exp()[:, None, None, None]
            rounded = torch.sign(scaled) * torch.floor(
                scaled.abs() + offset[:, None, None, None]
            )
            luma = level.channels // 3
            if self.gray_apart:
                rounded[:, luma:] *= (~gray)[:, None, None, None]
            codes.append(rounded.long())
        return codes, log_step

    def _corner(self, generator: torch.Generator) -> tuple[int, int]:
        """Return where the context tile begins in the crop, on the coarsest level's lattice."""
        align = self.vqvae.config.align
        places = 2 * self.margin // align + 1
        row, column = torch.randint(places, (2,), generator=generator).tolist()
        return row * align, column * align

    def tensors(self) -> dict[str, Tensor]:
        """Return VQ-VAE, prior and optimiser."""
        return {
            **module_tensors("vqvae", self.vqvae),
            **module_tensors("prior", self.prior),
            **optimiser_tensors(self.optimiser),
        }

    def restore(self, tensors: dict[str, Tensor]) -> None:
        """Put back VQ-VAE, prior and optimiser."""
        restore_module("vqvae", self.vqvae, tensors)
        restore_module("prior", self.prior, tensors)
        restore_optimiser(self.optimiser, tensors)
