"""The two phases of training: the VQ-VAE, then the prior on its codes."""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Protocol

import torch
from torch import Tensor, nn

from vqzip.autoencoders.codeword_learning import CodewordLearning, usage
from vqzip.autoencoders.config import VqvaeConfig
from vqzip.autoencoders.discrete import Vqvae
from vqzip.autoencoders.quantizers.codebook_learning import (
    CodebookLearningConfig,
    EmaConfig,
    KMeansGradientConfig,
)
from vqzip.autoencoders.spec import PIXEL_SCALE
from vqzip.errors import RecipeError
from vqzip.hierarchy import CONTEXT_TILE
from vqzip.prior.float.pixelcnn import PixelCnn
from vqzip.training.checkpoints import (
    module_tensors,
    optimizer_tensors,
    restore_module,
    restore_optimizer,
)
from vqzip.training.image_sources import CropSource
from vqzip.training.losses import squared_error, vqvae_loss
from vqzip.training.recipe import PriorPhaseConfig, Recipe, VqvaePhaseConfig

START_BATCHES = 4
"""Batches of latents that k-means starts the codebooks from."""

CONTINUOUS_SHARE = 0.1
"""No more of phase 1 goes by without quantization, or a short run would have no codebooks."""

WARM_UP_STEPS = 100
"""The learning rate rises for so many steps."""

LOWEST_BPP = 0.05
"""Added to the rate before its logarithm: a flat crop that costs nothing must not rule the loss."""


class Phase(Protocol):
    """What the loop asks of a phase.

    Attributes:
        name: for the log and the user.
        steps: when no time limit is given.
        time_share: when one is.
    """

    name: str
    steps: int
    time_share: float

    def step(self, number: int, remaining: float) -> dict[str, float]:
        """Take one optimizer step and return its metrics, `loss` and `gradient` among them.

        Args:
            number: of the step, from 0; with the recipe's seed it decides every random choice.
            remaining: share of the phase that is left, falling from 1 to 0.
        """

    def tensors(self) -> dict[str, Tensor]:
        """Return all that a checkpoint needs to go on."""

    def restore(self, tensors: dict[str, Tensor]) -> None:
        """Put back what `tensors` gave."""


@contextmanager
def autocast(device: torch.device, *, wanted: bool) -> Iterator[None]:
    """Use bfloat16 where it is wanted and computed natively."""
    use = wanted and computes_bfloat16(device)
    with torch.autocast(device.type, dtype=torch.bfloat16, enabled=use):
        yield


def computes_bfloat16(device: torch.device) -> bool:
    """Return whether a device multiplies bfloat16 itself; emulation is slower than float32."""
    if device.type == "cuda":
        return torch.cuda.get_device_capability(device) >= (8, 0)
    # Not public, and not in every version; without it float32 is the safe answer.
    supported = getattr(torch.cpu, "_is_avx512_bf16_supported", lambda: False)
    return device.type == "cpu" and bool(supported())


def step_optimizer(optimizer: torch.optim.Optimizer, rate: float) -> float:
    """Take one clipped step at a learning rate; returns the norm of the gradient."""
    # Codebooks' k-means gradients are sums over latents: they would drown the networks' norm.
    groups = optimizer.param_groups
    parameters = [p for group in groups for p in group["params"] if p.requires_grad]
    norm = nn.utils.clip_grad_norm_(parameters, 1.0)
    for group in groups:
        group["lr"] = rate
    optimizer.step()
    return float(norm)


def learning_rate(highest: float, number: int, remaining: float) -> float:
    """Return the rate of a step: a warm-up, then a half cosine to zero.

    Args:
        highest: rate of the recipe.
        number: of the step, from 0.
        remaining: share of the phase that is left.
    """
    warm = min(1.0, (number + 1) / WARM_UP_STEPS)
    return highest * warm * 0.5 * (1 - math.cos(math.pi * remaining))


class VqvaePhase:
    """Phase 1: encoder, codebooks and decoder.

    Args:
        recipe: with its VQ-VAE phase.
        vqvae: what is trained.
        source: of crops.
        device: where to train.

    Raises:
        RecipeError: the recipe has no such phase.
    """

    name = "vqvae"
    stream = 1

    def __init__(
        self, recipe: Recipe, vqvae: Vqvae, source: CropSource, device: torch.device
    ) -> None:
        if recipe.vqvae_phase is None:
            raise RecipeError(f"recipe '{recipe.name}' has no [vqvae_phase]; add it.")
        self.config: VqvaePhaseConfig = recipe.vqvae_phase
        self.steps, self.time_share = self.config.steps, self.config.time_share
        self.vqvae, self.source, self.device = vqvae, source, device
        self.seed = recipe.seed
        self.learning = CodewordLearning(vqvae, _learning(self.config)).to(device)
        self.started = False
        trained = [p for p in vqvae.parameters() if p.requires_grad]
        if self.config.codebook == "kmeans":
            # These get their gradient from the learner, not from autograd.
            trained += [p for p in vqvae.parameters() if not p.requires_grad]
        self.optimizer = torch.optim.Adam(trained, lr=self.config.learning_rate)

    def step(self, number: int, remaining: float) -> dict[str, float]:
        """Take one step on a batch of crops."""
        pixels, _ = self.source.batch(self.stream, number, self.config.batch, self.config.crop)
        pixels = pixels.to(self.device)
        generator = torch.Generator().manual_seed(self.seed * 1_000_003 + number)
        rate = learning_rate(self.config.learning_rate, number, remaining)
        if number < self.config.continuous_steps and remaining > 1 - CONTINUOUS_SHARE:
            return self._continuous_step(pixels, rate)
        if not self.started:
            many = self.config.batch * START_BATCHES
            pictures, _ = self.source.batch(self.stream + 2, number, many, self.config.crop)
            self.learning.start(self.vqvae, pictures.to(self.device), generator)
            self.started = True
        with autocast(self.device, wanted=self.config.bfloat16):
            output = self.vqvae(pixels)
        loss = vqvae_loss(output, pixels, beta=self.config.commitment)
        self.optimizer.zero_grad(set_to_none=True)
        loss.total.backward()  # type: ignore[no-untyped-call]
        self.learning.learn(self.vqvae, output, generator)
        norm = step_optimizer(self.optimizer, rate)
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
        with autocast(self.device, wanted=self.config.bfloat16):
            x_hat = self.vqvae.autoencode(pixels)
        loss = squared_error(x_hat, pixels) / PIXEL_SCALE**2
        self.optimizer.zero_grad(set_to_none=True)
        loss.backward()  # type: ignore[no-untyped-call]
        norm = step_optimizer(self.optimizer, rate)
        return {"loss": loss.item(), "psnr_db": _psnr_db(x_hat, pixels), "gradient": norm}

    def tensors(self) -> dict[str, Tensor]:
        """Return VQ-VAE, the learners' running means and the optimizer."""
        return {
            **module_tensors("vqvae", self.vqvae),
            **module_tensors("learning", self.learning),
            **optimizer_tensors(self.optimizer),
        }

    def restore(self, tensors: dict[str, Tensor]) -> None:
        """Put back what `tensors` gave."""
        restore_module("vqvae", self.vqvae, tensors)
        restore_module("learning", self.learning, tensors)
        restore_optimizer(self.optimizer, tensors)
        # A learner counts nothing but ones until its codebooks start.
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


class ContextTiles:
    """Where the prior's context tile lies in a crop with margins, and what a level has of it.

    Args:
        config: of the VQ-VAE.
        margin: pixels around a tile in a crop, on the average of both sides.
    """

    def __init__(self, config: VqvaeConfig, margin: int) -> None:
        self._config, self._margin = config, margin

    def corner(self, generator: torch.Generator) -> tuple[int, int]:
        """Return where a tile begins in the crop, on the coarsest level's lattice."""
        align = self._config.align
        places = 2 * self._margin // align + 1
        row, column = torch.randint(places, (2,), generator=generator).tolist()
        return row * align, column * align

    def cut(self, number: int, level: Tensor, corner: tuple[int, int]) -> Tensor:
        """Cut the tile out of one level `(N, C, h, w)` of a crop."""
        stride = self._config.levels[number].stride
        side, (row, column) = CONTEXT_TILE // stride, (place // stride for place in corner)
        return level[:, :, row : row + side, column : column + side]


class PriorTraining:
    """What a checkpoint holds of a phase that trains the prior.

    Attributes:
        vqvae: trained or not.
        prior: the float network.
        optimizer: of what is trained.
    """

    vqvae: Vqvae
    prior: PixelCnn
    optimizer: torch.optim.Optimizer

    def tensors(self) -> dict[str, Tensor]:
        """Return VQ-VAE, prior and optimizer."""
        return {
            **module_tensors("vqvae", self.vqvae),
            **module_tensors("prior", self.prior),
            **optimizer_tensors(self.optimizer),
        }

    def restore(self, tensors: dict[str, Tensor]) -> None:
        """Put back VQ-VAE, prior and optimizer."""
        restore_module("vqvae", self.vqvae, tensors)
        restore_module("prior", self.prior, tensors)
        restore_optimizer(self.optimizer, tensors)


class PriorPhase(PriorTraining):
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
        self.tiles = ContextTiles(recipe.vqvae, recipe.data.margin)
        self.side = CONTEXT_TILE + 2 * recipe.data.margin
        self.grid = recipe.prior.head == "logistic"
        self.gray_apart = recipe.prior.gray_stages > 0
        self.steps, self.time_share = self.config.steps, self.config.time_share
        self.vqvae, self.prior, self.source, self.device = vqvae, prior, source, device
        self.seed = recipe.seed
        self.optimizer = torch.optim.Adam(prior.parameters(), lr=self.config.learning_rate)

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
        loss = torch.log(LOWEST_BPP + total).mean() if self.grid else total.mean()
        rate = learning_rate(self.config.learning_rate, number, remaining)
        self.optimizer.zero_grad(set_to_none=True)
        loss.backward()  # type: ignore[no-untyped-call]
        norm = step_optimizer(self.optimizer, rate)
        metrics = {"loss": loss.item(), "code_length_bpp": total.mean().item(), "gradient": norm}
        for level, bits in enumerate(lengths):
            metrics[f"level{level}_bits_per_code"] = bits.mean().item() / codes[level][0].numel()
        return metrics

    def _codes(
        self, pixels: Tensor, gray: Tensor, generator: torch.Generator
    ) -> tuple[list[Tensor], Tensor]:
        """Return codes `(N, C, T, T)` int64 a level and the natural log of the step `(N,)`."""
        if self.grid:
            return self._grid_codes(pixels, gray, generator)
        corner = self.tiles.corner(generator)
        levels = [level.flatten(1, 2).long() for level in self.vqvae.encode(pixels)]
        codes = [self.tiles.cut(number, level, corner) for number, level in enumerate(levels)]
        return codes, torch.zeros(len(pixels), device=self.device)

    def _grid_codes(
        self, pixels: Tensor, gray: Tensor, generator: torch.Generator
    ) -> tuple[list[Tensor], Tensor]:
        low, high = math.log(self.config.smallest_step), math.log(self.config.largest_step)
        log_step = low + (high - low) * torch.rand(len(pixels), generator=generator)
        first, last = self.config.deadzone
        offset = first + (last - first) * torch.rand(len(pixels), generator=generator)
        corner = self.tiles.corner(generator)
        log_step, offset = log_step.to(self.device), offset.to(self.device)
        step, offset = log_step.exp(), offset[:, None, None, None]
        features = self.vqvae.transform.analyze(pixels, step)
        codes = []
        for number, level in enumerate(self.vqvae.config.levels):
            latents = self.vqvae.transform.latent(number, features, [], step)
            scaled = self.tiles.cut(number, latents, corner) / step[:, None, None, None]
            rounded = torch.sign(scaled) * torch.floor(scaled.abs() + offset)
            if self.gray_apart:
                # A gray picture has no chroma codes: the last two thirds of the channels.
                rounded[:, level.channels // 3 :] *= ~gray[:, None, None, None]
            codes.append(rounded.long())
        return codes, log_step
