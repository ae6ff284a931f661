"""The discretized logistic of grid codes, for training (PixelCNN++, Salimans et al. 2017)."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional


@dataclass(frozen=True)
class LogisticParameters:
    """Means in steps and natural log of scales, both `(N, C, H, W)` in channel order."""

    mean: Tensor
    log_scale: Tensor


def logistic_bits(
    codes: Tensor, parameters: LogisticParameters, tail_share: Tensor, tail_width: Tensor
) -> Tensor:
    """Return -log2 of a mixture of two discretized logistics with one mean (PixelCNN++, eq. 2).

    Args:
        codes: `(N, C, H, W)` float.
        parameters: of the same shape.
        tail_share: weight of the wider logistic, 0 to 1.
        tail_width: its scale in units of the other's.

    With x = (q + 1/2 - m) / b and y = (q - 1/2 - m) / b, both folded to the lower tail:
    sigma(x) - sigma(y) = sigma(x) sigma(-y) (1 - exp(-1 / b)), which has a gradient everywhere.
    """
    distance = (codes - parameters.mean).abs()
    narrow = _log_logistic(distance, parameters.log_scale)
    wide = _log_logistic(distance, parameters.log_scale + torch.log(tail_width))
    nats = -torch.logaddexp(torch.log1p(-tail_share) + narrow, torch.log(tail_share) + wide)
    return nats / math.log(2)


def _log_logistic(distance: Tensor, log_scale: Tensor) -> Tensor:
    """Return the log of the mass of the unit cell `distance` away from the mean."""
    inverse = torch.exp(-log_scale)
    upper = functional.logsigmoid((0.5 - distance) * inverse)
    lower = functional.logsigmoid((0.5 + distance) * inverse)
    return upper + lower + torch.log(-torch.expm1(-inverse))
