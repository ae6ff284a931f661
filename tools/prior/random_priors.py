"""Priors with random weights, for tests: both heads, all shapes."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from vqzip.autoencoders.config import ConvTransformConfig, VqvaeConfig, WaveletTransformConfig
from vqzip.hierarchy import CodebookConfig, GridConfig, LevelConfig
from vqzip.prior.config import ConvLayerConfig, PriorConfig, PriorLevelConfig, StageConfig
from vqzip.prior.exact import ExactPrior
from vqzip.prior.export.logistic_tables import logistic_tables
from vqzip.prior.export.quantize_layer import quantize_dense
from vqzip.prior.spec import CONTEXT_TAPS
from vqzip.quality import QualityConfig

Tensors = dict[str, NDArray[np.generic]]

SCALES: NDArray[np.float64] = np.geomspace(0.05, 2000.0, 64)


def grid_configs(
    strides: tuple[int, ...] = (64, 64, 32),
    channels: int = 3,
    state: int = 6,
    hidden: int = 8,
    update: tuple[ConvLayerConfig, ...] = (ConvLayerConfig(3, 7),),
) -> tuple[VqvaeConfig, PriorConfig]:
    """Return a small hierarchy of grids: two stages a level, the first one gray's."""
    levels = tuple(LevelConfig(stride, channels, GridConfig()) for stride in strides)
    vqvae = VqvaeConfig(levels, WaveletTransformConfig(), QualityConfig())
    first = tuple(range(0, channels, 2))
    second = tuple(range(1, channels, 2))
    stages = tuple(StageConfig(stage, hidden) for stage in (first, second) if stage)
    prior_levels = tuple(
        PriorLevelConfig(
            state if number else 0,
            hidden,
            stages,
            update if number + 1 < len(strides) else (),
            neighbour_mean=number == 0,
        )
        for number in range(len(strides))
    )
    return vqvae, PriorConfig(prior_levels, "logistic", gray_stages=1)


def codebook_configs(size: int = 5, depth: int = 2) -> tuple[VqvaeConfig, PriorConfig]:
    """Return two levels of one group of learned codebooks with residual stages."""
    quantizer = CodebookConfig(size, 4)
    levels = (LevelConfig(64, 1, quantizer, depth), LevelConfig(32, 1, quantizer, depth))
    stages = tuple(StageConfig((channel,), 6) for channel in range(depth))
    prior_levels = (
        PriorLevelConfig(0, 8, stages, (ConvLayerConfig(3, 5), ConvLayerConfig(1, 6))),
        PriorLevelConfig(6, 8, stages),
    )
    return VqvaeConfig(levels, ConvTransformConfig()), PriorConfig(prior_levels, "categorical", 3)


def random_prior(
    vqvae: VqvaeConfig, prior: PriorConfig, seed: int = 0, middle_scale: float = 20.0
) -> ExactPrior:
    """Return a prior with random weights of sensible size."""
    return ExactPrior.from_tensors(vqvae, prior, random_tensors(vqvae, prior, seed, middle_scale))


def random_tensors(
    vqvae: VqvaeConfig, prior: PriorConfig, seed: int = 0, middle_scale: float = 20.0
) -> Tensors:
    """Return tensors for `ExactPrior.from_tensors`; scales lie around `middle_scale`."""
    rng = np.random.default_rng(seed)
    conditions = vqvae.quality_steps * prior.modes
    tensors: Tensors = {}

    def add(name: str, inputs: int, fraction_bits: NDArray[np.int64], middle: float = 0.0) -> None:
        outputs = len(fraction_bits)
        weight = rng.normal(0, 1.2 / np.sqrt(inputs), (inputs, outputs))
        bias = rng.normal(0, 0.5, (conditions, outputs))
        # Scale indices sit around `middle` and move by several.
        is_scale = fraction_bits == 0
        layer = quantize_dense(
            weight * np.where(is_scale, 12, 1), bias + middle * is_scale, fraction_bits
        )
        tensors.update({f"{name}.{key}": value for key, value in layer.items()})

    logistic = prior.head == "logistic"
    for number, (level, config) in enumerate(zip(vqvae.levels, prior.levels, strict=True)):
        features = level.channels * prior.embedding
        name = f"levels.{number}"
        inputs = config.state + len(CONTEXT_TAPS) * features
        add(f"{name}.first", inputs, np.full(config.hidden, 8))
        inputs = config.hidden
        for index, stage in enumerate(config.stages):
            codes = len(stage.channels)
            add(f"{name}.stages.{index}.hidden", inputs, np.full(stage.hidden, 8))
            if isinstance(level.quantizer, CodebookConfig):
                bits = np.full(codes * level.quantizer.size, 8)
            else:
                bits = np.repeat([4, 0], codes)
            add(f"{name}.stages.{index}.out", stage.hidden, bits, middle=middle_scale)
            inputs += codes * prior.embedding
        if number + 1 < len(prior.levels):
            following = vqvae.levels[number + 1]
            outputs = prior.levels[number + 1].state * (4 if following.stride < level.stride else 1)
            inputs = config.state + features
            for index, layer in enumerate(config.update):
                add(f"{name}.update.{index}", layer.kernel**2 * inputs, np.full(layer.width, 8))
                inputs = layer.width
            add(f"{name}.update.{len(config.update)}", inputs, np.full(outputs, 8))
        if isinstance(level.quantizer, CodebookConfig):
            shape = (level.channels, level.quantizer.size, prior.embedding)
            table = rng.integers(-500, 500, shape)
            tensors[f"features.embedding.{number}"] = table.astype(np.int16)
    if logistic:
        magnitude = np.rint(256 * np.log2(1 + np.arange(256.0)) / 2)
        tensors["features.magnitude"] = magnitude.astype(np.int16)
        tensors.update(logistic_tables(SCALES, tail_weight=0.02, tail_factor=4.0))
    return tensors
