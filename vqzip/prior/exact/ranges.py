"""What the inputs of the prior's layers keep within, which decides the floats that carry sums."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from vqzip.hierarchy import Hierarchy
from vqzip.prior.config import PriorConfig
from vqzip.prior.spec import CONTEXT_TAPS, LARGEST_ACTIVATION


def largest_inputs(
    hierarchy: Hierarchy, prior: PriorConfig, largest_features: Sequence[int]
) -> dict[str, NDArray[np.int64]]:
    """Return, by name of a layer, the largest magnitude of each of its inputs.

    Args:
        hierarchy: whose codes the prior predicts.
        prior: its widths and stages.
        largest_features: the largest magnitude of a code's features, a level each.

    Returns:
        `(in,)` int64 for every layer, in the order of a model folder's weights.
    """
    largest = {}
    for number, (level, config) in enumerate(zip(hierarchy.levels, prior.levels, strict=True)):
        name, feature = f"levels.{number}", largest_features[number]
        features = level.channels * prior.embedding
        taps = len(CONTEXT_TAPS) * features
        largest[f"{name}.first"] = _activations_and_features(config.state, taps, feature)
        known = 0
        for index, stage in enumerate(config.stages):
            inputs = _activations_and_features(config.hidden, known, feature)
            largest[f"{name}.stages.{index}.hidden"] = inputs
            largest[f"{name}.stages.{index}.out"] = _activations(stage.hidden)
            known += len(stage.channels) * prior.embedding
        if number + 1 == len(prior.levels):
            continue
        inputs = _activations_and_features(config.state, features, feature)
        for index, layer in enumerate(config.update):
            largest[f"{name}.update.{index}"] = np.tile(inputs, layer.kernel**2)
            inputs = _activations(layer.width)
        largest[f"{name}.update.{len(config.update)}"] = inputs
    return largest


def _activations(count: int) -> NDArray[np.int64]:
    return np.full(count, LARGEST_ACTIVATION, np.int64)


def _activations_and_features(activations: int, features: int, largest: int) -> NDArray[np.int64]:
    return np.concatenate([_activations(activations), np.full(features, largest, np.int64)])
