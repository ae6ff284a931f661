"""What the phases that train networks around a wavelet have in common: random steps, one optimizer step."""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch import Tensor, nn

from vqzip.training.phases import learning_rate
from vqzip.training.recipe import JointPhaseConfig, PredictorPhaseConfig


def random_steps(
    config: JointPhaseConfig | PredictorPhaseConfig, generator: torch.Generator
) -> Tensor:
    """Return quantizer steps `(N,)` in pixel values, uniform in their logarithm."""
    low, high = math.log(config.smallest_step), math.log(config.largest_step)
    share = torch.rand(config.batch, generator=generator)
    return (low + (high - low) * share).exp()


def step_groups(
    optimizer: torch.optim.Optimizer, rates: Sequence[float], number: int, remaining: float
) -> list[float]:
    """Take one step with each group clipped by itself; return the norms of their gradients.

    Args:
        optimizer: whose groups learn.
        rates: highest learning rate of each group.
        number: of the step, from 0.
        remaining: share of the phase that is left.
    """
    norms = []
    for group, highest in zip(optimizer.param_groups, rates, strict=True):
        norms.append(float(nn.utils.clip_grad_norm_(group["params"], 1.0)))
        group["lr"] = learning_rate(highest, number, remaining)
    optimizer.step()
    return norms
