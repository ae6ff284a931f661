"""The discretized logistic distribution of 8-bit samples (Salimans et al. 2017, PixelCNN++, equation 2).

A sample v of 0 to 255 has the mass of a logistic distribution between v - 1/2 and v + 1/2; 0 also has all mass below
it, and 255 all mass above. So every sample has a probability, and code lengths mean the same as a codec's.
"""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

LARGEST_VALUE = 255
LOWEST_LOG_SCALE = -7.0
"""Natural logarithm of the smallest scale, in units where samples are -1 to 1: 0.12 of a step of 8 bits."""

_HALF = 1.0 / LARGEST_VALUE
"""Half of the distance between two values."""


def centered(values: Tensor) -> Tensor:
    """Return samples of 0 to 255 as floats from -1 to 1."""
    return values.float() * (2.0 / LARGEST_VALUE) - 1.0


def log_mass(values: Tensor, mean: Tensor, log_scale: Tensor) -> Tensor:
    """Return the natural logarithm of the mass of every sample.

    Args:
        values: 0 to 255, of any shape.
        mean: in units where samples are -1 to 1, of the same shape.
        log_scale: natural logarithm of the scale, of the same shape.
    """
    inverse = torch.exp(-log_scale.clamp(min=LOWEST_LOG_SCALE))
    distance = centered(values) - mean
    above, below = (distance + _HALF) * inverse, (distance - _HALF) * inverse
    lowest, highest = functional.logsigmoid(above), functional.logsigmoid(-below)
    # log(sigmoid(above) - sigmoid(below)), without a difference that could vanish.
    inside = lowest + highest + torch.log(-torch.expm1(-2 * _HALF * inverse))
    inside = torch.where(values == 0, lowest, inside)
    return torch.where(values == LARGEST_VALUE, highest, inside)


def masses(mean: NDArray[np.float32], log_scale: NDArray[np.float32]) -> NDArray[np.float64]:
    """Return the mass of every value, `(n, 256)`, for means and scales `(n,)`; rows sum to one."""
    scale = np.exp(np.maximum(log_scale.astype(np.float64), LOWEST_LOG_SCALE))
    edges = (np.arange(LARGEST_VALUE, dtype=np.float64) + 0.5) * (2.0 / LARGEST_VALUE) - 1.0
    below = _sigmoid((edges - mean.astype(np.float64)[:, None]) / scale[:, None])
    return np.diff(below, axis=1, prepend=0.0, append=1.0)


def _sigmoid(x: NDArray[np.float64]) -> NDArray[np.float64]:
    return 0.5 * (1.0 + np.tanh(0.5 * x))
