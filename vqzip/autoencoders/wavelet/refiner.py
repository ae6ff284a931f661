"""A learned residual network around a linear transform, for what a wavelet cannot do.

It starts as the identity, so that training starts from the plain wavelet. Inside, amplitudes are in units of
the quantizer's step, so that noise looks alike at every quality.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import cast

import torch
from torch import Tensor, nn
from torch.nn import functional

from vqzip.autoencoders.config import RefinerConfig
from vqzip.autoencoders.residual import log_step_features
from vqzip.autoencoders.spec import (
    ACTIVATION_SLOPE,
    BLOCK,
    GROUND,
    OUTPUT_SCALE,
    refiner_reach,
)


class ModulatedBlock(nn.Module):
    """`x + conv3x3(act(a * conv3x3(act(x)) + b))`, where a and b depend on the step.

    Scale and shift by a condition are FiLM (Perez et al. 2018, equation 2).

    Args:
        width: channels.
    """

    def __init__(self, width: int) -> None:
        super().__init__()
        self.first = nn.Conv2d(width, width, 3, padding=1)
        self.second = nn.Conv2d(width, width, 3, padding=1)
        self.modulation = nn.Linear(2, 2 * width)

    def forward(self, x: Tensor, condition: Tensor) -> Tensor:
        """Return `(N, width, h, w)` of the same, with conditions `(N, 2)`."""
        scale, shift = self.modulation(condition)[:, :, None, None].chunk(2, 1)
        inner = self.first(functional.leaky_relu(x, ACTIVATION_SLOPE))
        # In place where nothing else uses the map, because allocating memory costs as much as a sum.
        inner = functional.leaky_relu_(torch.addcmul(shift, inner, 1 + scale), ACTIVATION_SLOPE)
        change: Tensor = self.second(inner)
        return change.add_(x)


class BottleneckBlock(nn.Module):
    """`x + conv1x1(act(a * conv3x3(act(x)) + b))`, where a and b depend on the step.

    The residual block of VQ-VAE (van den Oord 2017, section 4.1) with the modulation of `ModulatedBlock`:
    a quarter of its products.

    Args:
        width: channels.
        hidden: channels between the convolutions.
    """

    def __init__(self, width: int, hidden: int) -> None:
        super().__init__()
        self.first = nn.Conv2d(width, hidden, 3, padding=1)
        # A matrix product, because 1 x 1 convolutions are slow to train on the CPU.
        self.second = nn.Linear(hidden, width)
        self.modulation = nn.Linear(2, 2 * hidden)

    def forward(self, x: Tensor, condition: Tensor) -> Tensor:
        """Return `(N, width, h, w)` of the same, with conditions `(N, 2)`."""
        scale, shift = self.modulation(condition)[:, :, None, None].chunk(2, 1)
        inner = self.first(functional.leaky_relu(x, ACTIVATION_SLOPE))
        inner = functional.leaky_relu_(torch.addcmul(shift, inner, 1 + scale), ACTIVATION_SLOPE)
        change: Tensor = self.second(inner.permute(0, 2, 3, 1)).permute(0, 3, 1, 2)
        return change.add_(x)


def residual_blocks(
    width: int, hidden: int, blocks: int
) -> Sequence[ModulatedBlock | BottleneckBlock]:
    """Return residual blocks as a ModuleList; `hidden` 0 stands for two convolutions of full width."""
    made = (
        BottleneckBlock(width, hidden) if hidden else ModulatedBlock(width) for _ in range(blocks)
    )
    # A ModuleList at run time; the annotation keeps the elements' type.
    return cast("Sequence[ModulatedBlock | BottleneckBlock]", nn.ModuleList(made))


class Refiner(nn.Module):
    """`x + step * f(x / step)` on blocks of 4 x 4 pixels, f a residual network.

    Args:
        config: width and number of blocks.
        colors: planes of the picture.

    Attributes:
        reach: pixels that an output depends on in each direction.
    """

    blocks: Sequence[ModulatedBlock | BottleneckBlock]

    def __init__(self, config: RefinerConfig, colors: int = 3) -> None:
        super().__init__()
        channels = colors * BLOCK**2
        self.enter = nn.Conv2d(channels, config.width, 3, padding=1)
        self.blocks = residual_blocks(config.width, config.hidden, config.blocks)
        self.leave = nn.Conv2d(config.width, channels, 3, padding=1)
        self.reach = refiner_reach(config)

    def start_as_identity(self) -> None:
        """Set layers to zero so that the network is the identity and all steps are alike."""
        with torch.no_grad():
            for layer in (self.leave, *(block.modulation for block in self.blocks)):
                for parameter in layer.parameters():
                    parameter.zero_()

    def forward(self, x: Tensor, step: Tensor) -> Tensor:
        """Return planes `(N, colors, H, W)` of the same.

        Args:
            x: planes around zero, in pixel values; sides are multiples of 4.
            step: `(N,)` of the quantizer, in pixel values.
        """
        unit = step[:, None, None, None]
        condition = log_step_features(step)
        h = without_ground(x / unit)
        h = self.enter(h.contiguous(memory_format=torch.channels_last))
        for block in self.blocks:
            h = block(h, condition)
        change = self.leave(functional.leaky_relu_(h, ACTIVATION_SLOPE))
        return x + functional.pixel_shuffle(change, BLOCK).to(x.dtype) * (unit * OUTPUT_SCALE)


def without_ground(x: Tensor) -> Tensor:
    """Return blocks of 4 x 4 pixels as channels, less the local mean of the planes.

    A bright plane is many steps above zero; with that in its input, a network learns slowly.

    Args:
        x: `(N, C, H, W)`.

    Returns:
        `(N, 16 C, H / 4, W / 4)`.
    """
    edge = GROUND // 2
    mean = functional.avg_pool2d(x, BLOCK)
    mean = functional.pad(mean, (edge, edge, edge, edge), mode="replicate")
    mean = functional.avg_pool2d(mean, GROUND, 1)
    return functional.pixel_unshuffle(x, BLOCK) - mean.repeat_interleave(BLOCK**2, 1)
