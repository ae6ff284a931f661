"""Slopes of the constants of the gains, measured instead of derived.

The gradient of joint training holds the output of the prior fixed, so it ignores that larger gains also make
the neighboring codes cheaper. This matters most for the constants of the gains, so their slope is measured: the
constants of one level, luma or chroma, are moved up and down, and the costs are compared. That is far less
noisy than moving all constants at once (Spall 1992, equation 2.2).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
from torch import Tensor, nn

from vqzip.autoencoders.residual import log_step_features
from vqzip.autoencoders.spec import COLOR_BASIS

NUDGE = 0.2
"""Change of a log gain when slopes are measured; large enough to change many codes."""


def measure_slopes(
    constants: Sequence[nn.Linear],
    step: Tensor,
    signs: Sequence[Tensor],
    cost: Callable[[list[Tensor]], Tensor],
) -> None:
    """Set the gradient of some constants of the gains.

    Args:
        constants: of every level.
        step: `(N,)` of the quantizer.
        signs: from `nudged_signs`.
        cost: returns the cost of each crop, `(N,)`, with log gains that are changed, `(N, C)` a level.
    """
    with torch.no_grad():
        more, less = (cost([nudge * sign for sign in signs]) for nudge in (NUDGE, -NUDGE))
    slopes = (more - less)[:, None] / (2 * NUDGE * len(step))
    condition = log_step_features(step)
    for linear, sign in zip(constants, signs, strict=True):
        torch.autograd.backward([linear(condition)], [slopes * sign])


def nudged_signs(
    constants: Sequence[nn.Linear], count: int, generator: torch.Generator
) -> list[Tensor]:
    """Return 1 or -1 for one level's luma or chroma, 0 elsewhere; `(count, subbands)` a level.

    Bands LH and HL of a color move together.
    """
    choices = 2 * len(constants)
    level, chroma = divmod(int(torch.randint(choices, (1,), generator=generator)), 2)
    signs = [torch.zeros(count, linear.out_features) for linear in constants]
    bands = signs[level].shape[1] // len(COLOR_BASIS)
    random = torch.randint(2, (count, 2), generator=generator) * 2.0 - 1
    for color in (1, 2) if chroma else (0,):
        for band in range(bands):
            signs[level][:, color * bands + band] = random[:, band // 2]
    return signs
