"""Limits of the configuration of a model.

A model folder may come from anybody. Its numbers decide how much memory networks take and how long they
run. So every number has a range: wide enough for any model, and harmless to the computer.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping

from vqzip.autoencoders.config import (
    ConvTransformConfig,
    GainsConfig,
    PredictorConfig,
    RefinerConfig,
    WaveletTransformConfig,
)
from vqzip.errors import ModelError
from vqzip.hierarchy import CodebookConfig, LevelConfig
from vqzip.models.config import ModelConfig
from vqzip.prior.config import ConvLayerConfig, PriorConfig, PriorLevelConfig, StageConfig
from vqzip.quality import EVERY_QUALITY, QualityConfig

LARGEST_WIDTH = 4096
MOST_LEVELS = 16
MOST_CHANNELS = 64
"""Largest number of codes at one position of a level."""
MOST_LAYERS = 64
MOST_NAME_LETTERS = 100
SMALLEST_STEP, LARGEST_STEP = 1e-3, 1e4
"""Limits of the quantizer's step, in units of a pixel value."""

Ranges = Mapping[tuple[type, str], tuple[float, float]]
"""Smallest and largest value of the numbers of dataclasses, by class and name of the field."""

RANGES: Ranges = {
    (CodebookConfig, "size"): (1, 1 << 15),
    (CodebookConfig, "dim"): (1, 1024),
    (LevelConfig, "stride"): (1, 256),
    (LevelConfig, "groups"): (1, MOST_CHANNELS),
    (LevelConfig, "depth"): (1, MOST_CHANNELS),
    (LevelConfig, "relative_price"): (0, 1000),
    # The first and the last convolution have half as many channels.
    (ConvTransformConfig, "hidden"): (2, LARGEST_WIDTH),
    (ConvTransformConfig, "residual_hidden"): (1, LARGEST_WIDTH),
    (ConvTransformConfig, "residual_blocks"): (0, MOST_LAYERS),
    (RefinerConfig, "width"): (1, LARGEST_WIDTH),
    (RefinerConfig, "blocks"): (0, MOST_LAYERS),
    (RefinerConfig, "hidden"): (0, LARGEST_WIDTH),
    (PredictorConfig, "stride"): (2, 256),
    (PredictorConfig, "width"): (1, LARGEST_WIDTH),
    (PredictorConfig, "hidden"): (0, LARGEST_WIDTH),
    (PredictorConfig, "blocks"): (0, MOST_LAYERS),
    (PredictorConfig, "fold"): (1, 4),
    (GainsConfig, "width"): (0, LARGEST_WIDTH),
    (WaveletTransformConfig, "decompositions"): (1, 8),
    (QualityConfig, "base_step"): (SMALLEST_STEP, LARGEST_STEP),
    (QualityConfig, "ratio"): (0.1, 10),
    (QualityConfig, "bend"): (-1, 1),
    (StageConfig, "hidden"): (1, LARGEST_WIDTH),
    (ConvLayerConfig, "kernel"): (1, 3),
    (ConvLayerConfig, "width"): (1, LARGEST_WIDTH),
    (PriorLevelConfig, "state"): (0, LARGEST_WIDTH),
    (PriorLevelConfig, "hidden"): (1, LARGEST_WIDTH),
    (PriorConfig, "embedding"): (1, 256),
    (PriorConfig, "gray_stages"): (0, MOST_CHANNELS),
    (ModelConfig, "bit_price"): (0, 1000),
    (ModelConfig, "format"): (1, 1),
}
"""Smallest and largest value of every number in a `ModelConfig`."""


def check_limits(config: ModelConfig) -> None:
    """Check every number of a configuration, before networks are built from it.

    Raises:
        ModelError: a number is out of its range, or two numbers do not fit together.
    """
    check_numbers(config, RANGES)
    check_name(config.name)
    vqvae, prior = config.vqvae, config.prior
    _check_count("levels of the model", len(vqvae.levels), 1, MOST_LEVELS)
    for level in vqvae.levels:
        _check_count("codes of one position", level.channels, 1, MOST_CHANNELS)
    for prior_level in prior.levels:
        _check_count("layers of an update", len(prior_level.update), 0, MOST_LAYERS)
        for stage in prior_level.stages:
            _check_count("codes of a stage", len(stage.channels), 1, MOST_CHANNELS)
        _check_count("stages of a gray picture", prior.gray_stages, 0, len(prior_level.stages))
    if vqvae.quality is not None:
        _check_steps(vqvae.quality)


def check_name(name: str) -> None:
    """Check that a model's name can be printed.

    Raises:
        ModelError: it cannot.
    """
    if not (name.isprintable() and 1 <= len(name) <= MOST_NAME_LETTERS):
        raise ModelError(f"a model's name must be 1 to {MOST_NAME_LETTERS} printable letters.")


def check_numbers(value: object, ranges: Ranges, where: str = "config") -> None:
    """Check the numbers of a dataclass, and of the dataclasses in it.

    Args:
        value: the dataclass.
        ranges: smallest and largest value of every number.
        where: dotted path for messages.

    Raises:
        ModelError: a number is out of its range.
    """
    if isinstance(value, tuple):
        for number, entry in enumerate(value):
            check_numbers(entry, ranges, f"{where}[{number}]")
    if not dataclasses.is_dataclass(value):
        return
    for field in dataclasses.fields(value):
        entry = getattr(value, field.name)
        if isinstance(entry, (int, float)) and not isinstance(entry, bool):
            low, high = ranges[type(value), field.name]
            # NaN is in no range.
            if not low <= entry <= high:
                raise ModelError(f"{where}.{field.name} must be {low:g} to {high:g}.")
        check_numbers(entry, ranges, f"{where}.{field.name}")


def _check_count(what: str, count: int, low: int, high: int) -> None:
    if not low <= count <= high:
        raise ModelError(f"the {what} must be {low} to {high}, got {count}.")


def _check_steps(quality: QualityConfig) -> None:
    steps = [quality.step(one) for one in EVERY_QUALITY]
    if not all(math.isfinite(step) and SMALLEST_STEP <= step <= LARGEST_STEP for step in steps):
        raise ModelError(
            f"the quantizer's step must be {SMALLEST_STEP:g} to {LARGEST_STEP:g} at every quality."
        )
