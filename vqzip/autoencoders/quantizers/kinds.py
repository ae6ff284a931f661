"""The kinds of quantizers. A new kind is a module with a quantizer and a learner, and a line here."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from vqzip.autoencoders.quantizers.codebook import CodebookQuantizer
from vqzip.autoencoders.quantizers.codebook_learning import CodebookLearner
from vqzip.autoencoders.quantizers.grid import CentroidLearner, GridQuantizer
from vqzip.autoencoders.quantizers.quantizer import Learner, Quantizer
from vqzip.hierarchy import LevelConfig


@dataclass(frozen=True)
class Kind:
    """A kind of quantizers.

    Args:
        quantizer: made from a `LevelConfig` and its quantizer's configuration.
        learner: made from a quantizer and a `CodebookLearningConfig`.
    """

    quantizer: Callable[[LevelConfig, Any], Quantizer]
    learner: Callable[[Any, Any], Learner]


KINDS = {
    "codebook": Kind(CodebookQuantizer, CodebookLearner),
    "grid": Kind(GridQuantizer, CentroidLearner),
}
"""By the `kind` of a configuration."""


def make_quantizer(level: LevelConfig) -> Quantizer:
    """Return the quantizer of a level."""
    return KINDS[level.quantizer.kind].quantizer(level, level.quantizer)


def make_learner(level: LevelConfig, quantizer: Quantizer, config: object) -> Learner:
    """Return the learner of the codewords of a level."""
    return KINDS[level.quantizer.kind].learner(quantizer, config)
