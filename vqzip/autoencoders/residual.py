"""Residual blocks and strided convolutions for the encoders and decoders of VQ-VAE."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

from vqzip.autoencoders.spec import LOG_STEP_CENTER, LOG_STEP_SPREAD


class ResidualBlock(nn.Module):
    """`x + conv1x1(relu(conv3x3(relu(x))))`, as in VQ-VAE (van den Oord 2017, section 4.1).

    Sees one position to each side.

    Args:
        hidden: channels of the input and the output.
        residual_hidden: channels between the two convolutions.
    """

    def __init__(self, hidden: int, residual_hidden: int) -> None:
        super().__init__()
        # No ReLU in place: the first would overwrite the input that is added at the end.
        self.branch = nn.Sequential(
            nn.ReLU(),
            nn.Conv2d(hidden, residual_hidden, 3, padding=1),
            nn.ReLU(),
            nn.Conv2d(residual_hidden, hidden, 1),
        )

    def forward(self, x: Tensor) -> Tensor:
        """Return a tensor of the shape of `x`, `(N, hidden, h, w)`."""
        change: Tensor = self.branch(x)
        return x + change


def residual_stack(hidden: int, residual_hidden: int, blocks: int) -> nn.Sequential:
    """Return residual blocks, followed by a ReLU."""
    stack = [ResidualBlock(hidden, residual_hidden) for _ in range(blocks)]
    return nn.Sequential(*stack, nn.ReLU())


def halve(channels_in: int, channels_out: int) -> nn.Conv2d:
    """Return the 4 x 4 convolution that halves the sides; it sees one input more on each side."""
    return nn.Conv2d(channels_in, channels_out, 4, stride=2, padding=1)


def double(channels_in: int, channels_out: int) -> nn.ConvTranspose2d:
    """Return the 4 x 4 transposed convolution that doubles the sides; the mirror of `halve`."""
    return nn.ConvTranspose2d(channels_in, channels_out, 4, stride=2, padding=1)


def initialize(module: nn.Module, generator: torch.Generator) -> None:
    """Initialize every convolution and matrix of `module` at random, with PyTorch's own distribution.

    PyTorch's constructors use the global generator, on which a training run must not depend.

    Args:
        module: changed in place.
        generator: on the device of the weights.
    """
    for part in module.modules():
        if isinstance(part, (nn.Conv2d, nn.ConvTranspose2d, nn.Linear)):
            nn.init.kaiming_uniform_(part.weight, a=math.sqrt(5), generator=generator)
            if part.bias is not None:
                bound = 1 / math.sqrt(part.weight[0].numel())
                nn.init.uniform_(part.bias, -bound, bound, generator=generator)


def log_step_features(step: Tensor) -> Tensor:
    """Return the input of networks for the quantizer's step `(N,)`: its logarithm and the square, `(N, 2)`."""
    s = (torch.log(step) - LOG_STEP_CENTER) / LOG_STEP_SPREAD
    return torch.stack([s, s * s], 1)
