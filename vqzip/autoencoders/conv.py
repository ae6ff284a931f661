"""Encoder and decoder of VQ-VAE (van den Oord 2017) and VQ-VAE-2 (Razavi 2019, section 3.1, A).

For two levels, strides 8 and 4:

    pixels -> Encoder /4 -> F1 -> Encoder /2 -> F0 -> 1x1 -> z_e[0] -> quantizer -> z_q[0]
                             |                                                        |
                             +----> [F1, Decoder x2(z_q[0])] -> 1x1 -> z_e[1] -> ... z_q[1]
    pixels <- Decoder x4 <- [double(z_q[0]), z_q[1]]

With one level it is VQ-VAE's; with three, every level is encoded given all coarser ones.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from vqzip.autoencoders.config import ConvTransformConfig
from vqzip.autoencoders.residual import double, halve, residual_stack
from vqzip.autoencoders.spec import (
    PIXEL_CENTER,
    PIXEL_SCALE,
    conv_analysis_reach,
    conv_synthesis_reach,
    doublings,
    latent_channels,
)
from vqzip.hierarchy import LevelConfig


class Encoder(nn.Module):
    """Strided convolutions, a 3 x 3 convolution and residual blocks.

    Args:
        channels_in: 3 for pixels, `config.hidden` for features of a finer level.
        stride_in: pixels between neighbors of the input.
        stride_out: pixels between neighbors of the output.
        config: widths.
    """

    def __init__(
        self, channels_in: int, stride_in: int, stride_out: int, config: ConvTransformConfig
    ) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        width = channels_in
        for number in range(doublings(stride_out, stride_in)):
            wider = config.hidden if number else config.hidden // 2
            layers += [halve(width, wider), nn.ReLU()]
            width = wider
        layers.append(nn.Conv2d(width, config.hidden, 3, padding=1))
        layers.append(residual_stack(config.hidden, config.residual_hidden, config.residual_blocks))
        self.layers = nn.Sequential(*layers)

    def forward(self, x: Tensor) -> Tensor:
        """Map `(N, channels_in, h, w)` to `(N, hidden, h / ratio, w / ratio)`."""
        features: Tensor = self.layers(x)
        return features


class Decoder(nn.Module):
    """Latents of several levels to one tensor of a finer stride.

    Each level is brought to the finest stride among them by transposed convolutions; then a 3 x 3
    convolution over all, residual blocks, and transposed convolutions to the output stride.

    Args:
        levels: coarse first.
        channels_out: channels of the output.
        stride_out: pixels between neighbors of the output, at most the finest level's.
        config: widths.
    """

    def __init__(
        self,
        levels: Sequence[LevelConfig],
        channels_out: int,
        stride_out: int,
        config: ConvTransformConfig,
    ) -> None:
        super().__init__()
        finest = levels[-1].stride
        self.upsample = nn.ModuleList(_upsampling(level, finest) for level in levels)
        hidden = config.hidden
        layers: list[nn.Module] = [
            nn.Conv2d(sum(map(latent_channels, levels)), hidden, 3, padding=1),
            residual_stack(hidden, config.residual_hidden, config.residual_blocks),
        ]
        count = doublings(finest, stride_out)
        widths = [hidden] * (count - 1) + [hidden // 2, channels_out]
        width = hidden
        for number, narrower in enumerate(widths[-count:] if count else []):
            layers += [nn.ReLU()] if number else []
            layers.append(double(width, narrower))
            width = narrower
        if not count:
            layers.append(nn.Conv2d(hidden, channels_out, 1))
        self.layers = nn.Sequential(*layers)

    def forward(self, quantized: list[Tensor]) -> Tensor:
        """Map latents `(N, latent_channels, h_l, w_l)`, coarse first, to `(N, channels_out, …)`."""
        raised = [up(z_q) for up, z_q in zip(self.upsample, quantized, strict=True)]
        x: Tensor = self.layers(torch.cat(raised, 1))
        return x


def _upsampling(level: LevelConfig, stride_out: int) -> nn.Sequential:
    """Return doublings from the level's stride to `stride_out`, ReLU between them."""
    channels = latent_channels(level)
    layers: list[nn.Module] = []
    for number in range(doublings(level.stride, stride_out)):
        layers += [nn.ReLU()] if number else []
        layers.append(double(channels, channels))
    return nn.Sequential(*layers)


class ConvTransform(nn.Module):
    """Residual networks between pixels and the latents of any number of levels.

    Runs in `channels_last`, and under bfloat16 autocast if the caller enables it.

    Args:
        config: widths.
        levels: coarse first; each stride a power of two times the next.

    Attributes:
        analysis_reach: a latent depends on no pixel farther than this from its own cell.
        synthesis_reach: a pixel depends on no latent whose cell is farther than this from it.

    Raises:
        ModelError: the strides do not nest.
    """

    conditional = True

    def __init__(self, config: ConvTransformConfig, levels: Sequence[LevelConfig]) -> None:
        super().__init__()
        encoders: list[Encoder] = []
        width, stride = 3, 1
        for level in reversed(levels):
            encoders.insert(0, Encoder(width, stride, level.stride, config))
            width, stride = config.hidden, level.stride
        # Features from the coarser levels; none for the coarsest level.
        hints = [
            Decoder(levels[:number], latent_channels(levels[number - 1]), level.stride, config)
            for number, level in enumerate(levels)
            if number
        ]
        hint_widths = [0, *map(latent_channels, levels[:-1])]
        self.encoders = nn.ModuleList(encoders)
        self.hints = nn.ModuleList(hints)
        self.to_latent = nn.ModuleList(
            nn.Conv2d(config.hidden + hint_width, latent_channels(level), 1)
            for level, hint_width in zip(levels, hint_widths, strict=True)
        )
        self.to_pixels = Decoder(levels, 3, 1, config)
        self.analysis_reach = conv_analysis_reach(config, levels)
        self.synthesis_reach = conv_synthesis_reach(config, levels)
        for weight in self.parameters():
            if weight.dim() == 4:
                weight.data = weight.data.contiguous(memory_format=torch.channels_last)

    def start(self) -> None:
        """Leave all weights random, for the start of training."""

    def analyze(self, pixels: Tensor, _step: Tensor | None = None) -> list[Tensor]:
        """Return features of every level's stride, coarse first: `(N, hidden, h_l, w_l)`.

        Args:
            pixels: `(N, 3, H, W)` float32, 0 to 255; sides are multiples of the largest stride.
        """
        x = (pixels - PIXEL_CENTER) / PIXEL_SCALE
        x = x.contiguous(memory_format=torch.channels_last)
        features: list[Tensor] = []
        for encoder in reversed(self.encoders):
            x = encoder(x)
            features.insert(0, x)
        return features

    def latent(
        self,
        level: int,
        features: list[Tensor],
        quantized: list[Tensor],
        _step: Tensor | None = None,
    ) -> Tensor:
        """Return `z_e` of one level, `(N, latent_channels, h, w)`, given the coarser levels.

        Args:
            level: 0 is the coarsest.
            features: what `analyze` returned.
            quantized: `z_q` of the coarser levels, coarse first.
        """
        known = features[level]
        if level:
            hint = self.hints[level - 1](quantized[:level])
            known = torch.cat([known, hint], 1)
        z_e: Tensor = self.to_latent[level](known)
        return z_e

    def synthesize(self, quantized: list[Tensor], _step: Tensor | None = None) -> Tensor:
        """Return pixels `(N, 3, H, W)`, not clipped, from `z_q` of every level, coarse first."""
        x: Tensor = self.to_pixels(quantized)
        return x * PIXEL_SCALE + PIXEL_CENTER
