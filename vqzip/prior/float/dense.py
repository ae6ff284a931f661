"""Layers of the float prior: matrices over gathered inputs, whose biases depend on the condition."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn
from torch.nn import functional

from vqzip.prior.spec import (
    ABOVE,
    CONTEXT_TAPS,
    FRACTION_BITS,
    LARGEST_ACTIVATION,
    LEAK,
    LEFT,
    RIGHT,
)

CONDITION_WIDTH = 16
"""Numbers that quality and mode become; every bias is a linear function of them."""

ACTIVATION_LIMIT = LARGEST_ACTIVATION / 2**FRACTION_BITS
"""Activations are clipped to what the integers hold."""


def activation(x: Tensor) -> Tensor:
    """Return the leaky ReLU of slope 1/8, clipped to what 12-bit integers hold."""
    return functional.leaky_relu(x, LEAK).clamp(-ACTIVATION_LIMIT, ACTIVATION_LIMIT)


class Dense(nn.Module):
    """A matrix over gathered inputs with a bias that depends on the condition.

    Args:
        inputs: numbers gathered at one position: taps x channels, tap-major.
        outputs: channels.
        gain: spread of the initial weights times the square root of `inputs`.
    """

    def __init__(self, inputs: int, outputs: int, gain: float = 1.4) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.empty(inputs, outputs))
        self.bias = nn.Parameter(torch.zeros(outputs))
        self.bias_by_condition = nn.Parameter(torch.zeros(CONDITION_WIDTH, outputs))
        self.gain = gain

    def reset(self, generator: torch.Generator) -> None:
        """Draw the initial weights."""
        spread = self.gain / math.sqrt(self.weight.shape[0])
        with torch.no_grad():
            self.weight.normal_(0, spread, generator=generator)

    def biases(self, condition: Tensor) -> Tensor:
        """Return `(N, outputs)` for conditions `(N, CONDITION_WIDTH)`."""
        return self.bias + condition @ self.bias_by_condition

    def square(self, x: Tensor, condition: Tensor, kernel: int) -> Tensor:
        """Apply over a `kernel` x `kernel` neighborhood with zeros outside the tile.

        Args:
            x: `(N, channels, H, W)`.
            condition: `(N, CONDITION_WIDTH)`.
            kernel: 1 or 3.

        Returns:
            `(N, outputs, H, W)`.
        """
        if kernel == 1:
            out = _at_positions(x, self.weight)
        else:
            weight = self.weight.view(kernel, kernel, -1, self.weight.shape[1]).permute(3, 2, 0, 1)
            out = functional.conv2d(x, weight, padding=kernel // 2)
        return out + self.biases(condition)[:, :, None, None].to(out.dtype)

    def causal(self, state: Tensor | None, features: Tensor, condition: Tensor) -> Tensor:
        """Apply to the state at a position and the features at `CONTEXT_TAPS` around it.

        Args:
            state: `(N, state, H, W)` from the coarser levels; None for the first.
            features: `(N, channels, H, W)` of the level's own codes.
            condition: `(N, CONDITION_WIDTH)`.

        Returns:
            `(N, outputs, H, W)`.
        """
        channels, outputs = features.shape[1], self.weight.shape[1]
        entering = self.weight.shape[0] - len(CONTEXT_TAPS) * channels
        rows, columns = ABOVE + 1, LEFT + 1 + RIGHT
        places = [(row + ABOVE) * columns + column + LEFT for row, column in CONTEXT_TAPS]
        kernel = self.weight.new_zeros(rows * columns, channels, outputs)
        kernel[places] = self.weight[entering:].view(len(CONTEXT_TAPS), channels, outputs)
        weight = kernel.view(rows, columns, channels, outputs).permute(3, 2, 0, 1)
        out = functional.conv2d(functional.pad(features, (LEFT, RIGHT, ABOVE, 0)), weight)
        if state is not None:
            out = out + _at_positions(state, self.weight[:entering])
        return out + self.biases(condition)[:, :, None, None].to(out.dtype)


def _at_positions(x: Tensor, weight: Tensor) -> Tensor:
    """Return a 1 x 1 convolution of `(N, inputs, H, W)` as one product; `weight` is `(inputs, outputs)`.

    Convolutions of this size take a slow path on one thread of a CPU. Channels lie together in the result, too,
    so that the next product and the softmax over codewords need no copy.
    """
    return functional.linear(x.permute(0, 2, 3, 1), weight.t()).permute(0, 3, 1, 2)
