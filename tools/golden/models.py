"""The tiny models of the golden files: trained for seconds, enough for a prior that has an opinion."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from vqzip.autoencoders.config import (
    ConvTransformConfig,
    GainsConfig,
    RefinerConfig,
    VqvaeConfig,
    WaveletTransformConfig,
)
from vqzip.autoencoders.discrete import Vqvae
from vqzip.autoencoders.quantizers.codebook import CodebookQuantizer
from vqzip.autoencoders.residual import initialize
from vqzip.hierarchy import CodebookConfig, GridConfig, LevelConfig
from vqzip.models.config import ModelConfig
from vqzip.models.learned import save
from vqzip.prior.config import ConvLayerConfig, PriorConfig, PriorLevelConfig, StageConfig
from vqzip.prior.export.float_to_integer import export_prior
from vqzip.prior.float.pixelcnn import PixelCnn
from vqzip.quality import Quality, QualityConfig

ROOT = Path(__file__).parents[2]
GOLDEN = ROOT / "tests" / "golden"
TINY, TINY_VQ, TINY_GAINS = GOLDEN / "tiny", GOLDEN / "tiny-vq", GOLDEN / "tiny-gains"

UPDATE = (ConvLayerConfig(3, 6),)


def wavelet_config() -> ModelConfig:
    """Return a wavelet of three decompositions, strides 8, 8, 4, 2."""
    levels = (
        LevelConfig(8, 3, GridConfig()),
        *(LevelConfig(stride, 9, GridConfig()) for stride in (8, 4, 2)),
    )
    vqvae = VqvaeConfig(levels, WaveletTransformConfig(3), QualityConfig(base_step=40.0))
    details = (StageConfig((0, 1, 2), 4), StageConfig((3, 4, 5, 6, 7, 8), 4))
    prior = PriorConfig(
        (
            PriorLevelConfig(
                0, 6, (StageConfig((0,), 4), StageConfig((1, 2), 4)), UPDATE, neighbour_mean=True
            ),
            PriorLevelConfig(4, 6, details, UPDATE),
            PriorLevelConfig(4, 6, details, UPDATE),
            PriorLevelConfig(4, 6, details),
        ),
        "logistic",
        gray_stages=1,
    )
    return ModelConfig("tiny", vqvae, prior)


def conv_config() -> ModelConfig:
    """Return strided convolutions, strides 8 (two residual stages) and 4 (two groups)."""
    codebook = CodebookConfig(16, 4)
    levels = (LevelConfig(8, 1, codebook, depth=2), LevelConfig(4, 2, codebook))
    vqvae = VqvaeConfig(levels, ConvTransformConfig(8, 4, 1))
    stages = (StageConfig((0,), 6), StageConfig((1,), 6))
    prior = PriorConfig(
        (PriorLevelConfig(0, 8, stages, UPDATE), PriorLevelConfig(4, 8, stages)),
        "categorical",
        embedding=3,
    )
    return ModelConfig("tiny-vq", vqvae, prior)


def gains_config() -> ModelConfig:
    """Return a wavelet of two decompositions, strides 4, 4, 2, with all that may be around one.

    Everything that a configuration need not have: networks, gains, a bent scale of qualities, another
    metric and price. Gray pictures have all codes, and levels one stage.
    """
    levels = (LevelConfig(4, 3, GridConfig()), *(LevelConfig(s, 9, GridConfig()) for s in (4, 2)))
    transform = WaveletTransformConfig(2, RefinerConfig(3, 1), RefinerConfig(4, 1), GainsConfig(3))
    vqvae = VqvaeConfig(levels, transform, QualityConfig(40.0, 1.4, bend=0.02))
    all_channels = StageConfig(tuple(range(9)), 3)
    prior = PriorConfig(
        (
            PriorLevelConfig(0, 4, (StageConfig((2, 0, 1), 3),), (ConvLayerConfig(1, 3),)),
            PriorLevelConfig(2, 4, (all_channels,), neighbour_mean=True),
            PriorLevelConfig(2, 4, (all_channels,)),
        ),
        "logistic",
    )
    return ModelConfig("tiny-gains", vqvae, prior, metric="ms-ssim", bit_price=0.1)


def smooth_pixels(height: int, width: int, seed: int) -> NDArray[np.uint8]:
    """Return `(H, W, 3)`: a few waves a channel, an edge, and a little noise."""
    rng = np.random.default_rng(seed)
    rows, columns = np.mgrid[0:height, 0:width]
    waves = np.zeros((height, width, 3))
    for _ in range(4):
        across, down, phase = rng.uniform(-0.2, 0.2), rng.uniform(-0.2, 0.2), rng.uniform(0, 6)
        wave = np.sin(across * columns + down * rows + phase)
        waves += wave[:, :, None] * rng.uniform(5, 25, 3)
    waves += 40.0 * (columns > width * 0.6)[:, :, None] + rng.normal(0, 2, waves.shape)
    pixels: NDArray[np.uint8] = np.clip(np.rint(waves + 110), 0, 255).astype(np.uint8)
    return pixels


def make_model(folder: Path, config: ModelConfig) -> None:
    """Train a model a little, so that its files get smaller with quality, and write it."""
    torch.manual_seed(1)
    vqvae = Vqvae(config.vqvae)
    if isinstance(config.vqvae.transform, ConvTransformConfig):
        train_autoencoder(vqvae)
        fill_codebooks(vqvae.eval())
    elif config.vqvae.transform.gains is not None:
        # Untrained, they do the more.
        initialize(vqvae, torch.Generator().manual_seed(3))
    prior = PixelCnn(config.vqvae, config.prior, torch.Generator().manual_seed(2))
    train_prior(prior, vqvae.eval())
    save(folder, config, vqvae, export_prior(prior, config.vqvae), prior.state_dict())


def batch(seed: int) -> Tensor:
    """Return eight made pictures `(8, 3, 64, 64)`."""
    made = np.stack([smooth_pixels(64, 64, 1000 + 8 * seed + number) for number in range(8)])
    return torch.from_numpy(made).permute(0, 3, 1, 2).float()


def train_autoencoder(vqvae: Vqvae) -> None:
    """Train encoder and decoder without quantization."""
    optimizer = torch.optim.Adam([p for p in vqvae.parameters() if p.requires_grad], 3e-3)
    for number in range(300):
        pixels = batch(number)
        loss = (vqvae.autoencode(pixels) - pixels).square().mean()
        optimizer.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        optimizer.step()


@torch.no_grad()
def fill_codebooks(vqvae: Vqvae) -> None:
    """Let codewords be latents of made pictures; later residual stages get what those leave."""
    step = torch.ones(8)
    features = vqvae.transform.analyze(batch(0), step)
    rng = np.random.default_rng(4)
    quantized: list[Tensor] = []
    for level, quantizer in enumerate(vqvae.quantizers):
        assert isinstance(quantizer, CodebookQuantizer)
        z_e = vqvae.transform.latent(level, features, quantized, step)
        for depth in range(quantizer.codebooks.shape[1]):
            codes = quantizer.quantize(z_e, step).codes
            left = quantizer.stage_inputs(z_e, codes)[:, depth]
            picked = torch.from_numpy(rng.choice(left.shape[1], quantizer.size, replace=False))
            quantizer.codebooks[:, depth] = left[:, picked]
        quantized.append(quantizer.quantize(z_e, step).z_q)


def train_prior(prior: PixelCnn, vqvae: Vqvae) -> None:
    """Train the float prior on nearest codes of made pictures of all qualities."""
    optimizer = torch.optim.Adam(prior.parameters(), 1e-2)
    quality = vqvae.config.quality
    for number in range(400):
        chosen = Quality(number * 17 % 57) if quality else None
        gray = torch.full((8,), number % 4 == 0 and prior.config.gray_stages > 0)
        log_step = torch.full((8,), math.log(vqvae.config.step(chosen or Quality(0))))
        codes = [level.flatten(1, 2).long() for level in vqvae.encode(batch(number), chosen)]
        bits = prior.code_lengths(codes, prior.conditions(log_step, gray), gray)
        loss = torch.stack(bits).sum(0).mean() / 64**2
        optimizer.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        torch.nn.utils.clip_grad_norm_(prior.parameters(), 1.0)
        optimizer.step()
