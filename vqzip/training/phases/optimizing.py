"""What phases have in common: learning rates, clipped steps, bfloat16, random steps of the quantizer."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import torch
from torch import Tensor, nn

from vqzip.training.ranks import ALONE, Ranks
from vqzip.training.recipe.phases import RandomRounding, RandomSteps

WARM_UP_STEPS = 100
"""The learning rate rises for so many steps."""

LOWEST_BPP = 0.05
"""Added to the rate before its logarithm, so that a flat crop that costs nothing does not dominate the loss."""


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


def learning_rate(highest: float, number: int, remaining: float) -> float:
    """Return the rate of a step: a warm-up, then a half cosine to zero.

    Args:
        highest: rate of the recipe.
        number: of the step, from 0.
        remaining: share of the phase that is left.
    """
    warm = min(1.0, (number + 1) / WARM_UP_STEPS)
    return highest * warm * 0.5 * (1 - math.cos(math.pi * remaining))


def step_optimizer(optimizer: torch.optim.Optimizer, rate: float, ranks: Ranks = ALONE) -> float:
    """Take one clipped step at a learning rate; returns the norm of the gradient."""
    # The k-means gradients of codebooks are sums over latents, and would dominate the networks' norm.
    groups = optimizer.param_groups
    parameters = [p for group in groups for p in group["params"] if p.requires_grad]
    ranks.average_gradients(parameters)
    norm = nn.utils.clip_grad_norm_(parameters, 1.0)
    for group in groups:
        group["lr"] = rate
    optimizer.step()
    return float(norm)


def step_groups(
    optimizer: torch.optim.Optimizer,
    rates: Sequence[float],
    number: int,
    remaining: float,
    ranks: Ranks = ALONE,
) -> list[float]:
    """Take one step with each group clipped by itself; return the norms of their gradients.

    Args:
        optimizer: whose groups learn.
        rates: highest learning rate of each group.
        number: of the step, from 0.
        remaining: share of the phase that is left.
        ranks: the processes whose gradients are averaged.
    """
    norms = []
    for group, highest in zip(optimizer.param_groups, rates, strict=True):
        ranks.average_gradients(group["params"])
        norms.append(float(nn.utils.clip_grad_norm_(group["params"], 1.0)))
        group["lr"] = learning_rate(highest, number, remaining)
    optimizer.step()
    return norms


def distortion_price(weight: float, step: Tensor, exponent: float = 2.0) -> Tensor:
    """Return lambda, `(N,)`: the distortion that is worth one bit per pixel.

    Args:
        weight: lambda at a step of 100 pixel values.
        step: of the quantizer, `(N,)`.
        exponent: how lambda grows with the step; 2 for squared errors.
    """
    price: Tensor = weight * (step / 100) ** exponent
    return price


def random_log_steps(config: RandomSteps, generator: torch.Generator) -> Tensor:
    """Return natural logarithms of a batch's quantizer steps `(N,)` in pixel values, uniform."""
    low, high = math.log(config.smallest_step), math.log(config.largest_step)
    return low + (high - low) * torch.rand(config.batch, generator=generator)


def random_offsets(config: RandomRounding, generator: torch.Generator) -> Tensor:
    """Return a batch's rounding offsets `(N,)`; 0.5 rounds to the nearest."""
    first, last = config.deadzone
    return first + (last - first) * torch.rand(config.batch, generator=generator)
