"""The networks of the pixel prior in floats: their loss, and their integers."""

from __future__ import annotations

import math

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from vqzip.prior.pixels.spec import MIXED, UNIT
from vqzip.prior.spec import FRACTION_BITS, LARGEST_ACTIVATION, LEAK

ONE = 1 << FRACTION_BITS
LARGEST_SHIFT = 15
ROUNDING_OF_WIDTH = 16
"""Half of the 32 units of an output that make a step of the width."""


class PixelNetwork(nn.Module):
    """Two hidden layers, then weight, mean and width of three logistic distributions.

    Args:
        features: inputs.
        hidden: outputs of the hidden layers.
    """

    def __init__(self, features: int, hidden: tuple[int, int]) -> None:
        super().__init__()
        self.a = nn.Linear(features, hidden[0])
        self.b = nn.Linear(hidden[0], hidden[1])
        self.c = nn.Linear(hidden[1], 3 * MIXED)
        with torch.no_grad():
            self.a.weight *= 2
            self.c.weight *= 0.3
            self.c.bias[:] = torch.tensor([0.5, 0, -1.5, 0, 0, 0, -1.2, -0.3, 0.9])

    def forward(self, features: Tensor) -> Tensor:
        """Return the outputs `(N, 9)` for features `(N, F)` in units of 2^-8."""
        x = features / ONE
        for layer in (self.a, self.b):
            x = nn.functional.leaky_relu(layer(x), LEAK).clamp(-8, 8)
        outputs: Tensor = self.c(x)
        return outputs

    def to_tensors(self, name: str) -> dict[str, NDArray[np.generic]]:
        """Return the network in integers, by the names of a model folder."""
        tensors: dict[str, NDArray[np.generic]] = {}
        for number, layer in enumerate((self.a, self.b, self.c)):
            weight = layer.weight.detach().double().numpy().T
            bias = layer.bias.detach().double().numpy() * ONE
            if number == 2:
                bias[2 * MIXED :] += ROUNDING_OF_WIDTH
            largest = np.abs(weight).max(0)
            shift = np.floor(np.log2(LARGEST_ACTIVATION / largest)).clip(0, LARGEST_SHIFT)
            scale = np.exp2(shift)
            tensors[f"{name}.{number}.weight"] = np.rint(weight * scale).astype(np.int16)
            tensors[f"{name}.{number}.bias"] = np.rint((bias + 0.5) * scale).astype(np.int64)
            tensors[f"{name}.{number}.shift"] = shift.astype(np.int64)
        return tensors


def code_length_bits(
    outputs: Tensor, prediction: Tensor, expected: Tensor, sample: Tensor
) -> Tensor:
    """Return the bits of 8-bit samples, `(N,)`.

    Args:
        outputs: `(N, 9)` of the network.
        prediction: `(N,)` in 1/64.
        expected: `(N,)` 4 · log2 of the expected error in 1/64.
        sample: `(N,)`.
    """
    outputs = outputs.clamp(-15.9, 15.9)
    deviation = (torch.exp2(expected / 4) / UNIT)[:, None]
    weight = torch.softmax(outputs[:, :MIXED] * math.log(2), 1)
    mean = prediction[:, None] / UNIT + outputs[:, MIXED : 2 * MIXED] * deviation
    width = (torch.exp2(outputs[:, 2 * MIXED :]) * deviation).clamp(min=1 / 32)
    sample = sample[:, None]
    low = torch.where(sample < 0.5, -1e4, (sample - 0.5 - mean) / width)
    high = torch.where(sample > 254.5, 1e4, (sample + 0.5 - mean) / width)
    # Both on the side of the mean where the logistic function is small, because its float values near 1 are
    # too coarse.
    flip = low + high > 0
    low, high = torch.where(flip, -high, low), torch.where(flip, -low, high)
    likelihood = (weight * (torch.sigmoid(high) - torch.sigmoid(low))).sum(1)
    return -torch.log2(likelihood * 0.9999 + 1e-6)
