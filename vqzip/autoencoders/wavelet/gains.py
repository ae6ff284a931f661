"""Steps that differ by subband, by the surroundings of a position, and by magnitude.

A subband is divided by its gain before it is quantized and multiplied by it afterward, so a gain of 2 doubles
the step. Large values are also compressed, so that their steps grow with them. The gains of a level are
computed from the quantized coarser levels, which encoder and decoder both know, so they cost no bits
(VQ-VAE-2, Razavi et al. 2019: a level is encoded given the coarser ones). In busy parts of a picture, errors
are less visible, and structural similarity counts them less; dividing by the local energy is divisive
normalization (Balle, Laparra and Simoncelli 2016,
equation 1).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import cast

import torch
from torch import Tensor, nn
from torch.nn import functional

from vqzip.autoencoders.config import GainsConfig
from vqzip.autoencoders.residual import log_step_features
from vqzip.autoencoders.spec import (
    ACTIVATION_SLOPE,
    LARGEST_COMPRESSED,
    LARGEST_LOG_GAIN,
    LARGEST_LOG_KNEE,
    VISIBLE_VARIANCE,
    WINDOWS,
)

START_LOG_KNEE = 5.5
"""Natural log of the initial knee; only a few values of the details are larger."""


@dataclass(frozen=True)
class Scale:
    """Converts the subbands of a level to latents and back.

    Args:
        gain: step of the subband in steps of the quantizer; broadcasts to the subbands.
        knee: magnitude from which on steps grow in proportion to it, in units of latents; None if
            they do not. Pointwise contrast masking (Zeng, Daly and Lei 2002, An overview of the visual
            optimization tools in JPEG 2000) takes a power; knee * asinh(z / knee) is linear near 0.
        prediction: of the subbands; latents are the differences to it. None if there is none.
    """

    gain: Tensor
    knee: Tensor | None = None
    prediction: Tensor | None = None

    def latents(self, subbands: Tensor) -> Tensor:
        """Return the latents."""
        rest = subbands if self.prediction is None else subbands - self.prediction
        z = rest / self.gain
        return z if self.knee is None else self.knee * torch.asinh(z / self.knee)

    def subbands(self, latents: Tensor) -> Tensor:
        """Undo `latents`."""
        if self.knee is not None:
            limited = (latents / self.knee).clamp(-LARGEST_COMPRESSED, LARGEST_COMPRESSED)
            latents = self.knee * torch.sinh(limited)
        rest = latents * self.gain
        return rest if self.prediction is None else rest + self.prediction


def local_variance(x: Tensor, window: int) -> Tensor:
    """Return the variance in a square window around every position, edges repeated; `(N, C, h, w)`."""
    edge = window // 2
    padded = functional.pad(x, (edge, edge, edge, edge), mode="replicate")
    mean, square = window_mean(padded, window), window_mean(padded * padded, window)
    return (square - mean * mean).clamp(min=0)


def window_mean(x: Tensor, window: int) -> Tensor:
    """Return the mean of every square window that lies inside; eight times as fast as avg_pool2d."""
    for dim in (2, 3):
        length = x.shape[dim] - window + 1
        total = x.narrow(dim, 0, length)
        for start in range(1, window):
            total = total + x.narrow(dim, start, length)
        x = total
    return x / window**2


class LevelGains(nn.Module):
    """Scales of one level: a constant for each subband, a network of the local variance, and knees.

    Args:
        channels: subbands of the level.
        width: of the network; 0 for no network and no knees.
        colors: planes of the low band.
    """

    def __init__(self, channels: int, width: int, colors: int = 3) -> None:
        super().__init__()
        self.bands = nn.Linear(2, channels)
        self.masking: nn.Sequential | None = None
        self.knees: nn.Linear | None = None
        if width:
            self.knees = nn.Linear(2, channels)
            self.masking = nn.Sequential(
                nn.Conv2d(colors * len(WINDOWS) + 2, width, 3, padding=1),
                nn.LeakyReLU(ACTIVATION_SLOPE, inplace=True),
                nn.Conv2d(width, width, 1),
                nn.LeakyReLU(ACTIVATION_SLOPE, inplace=True),
                nn.Conv2d(width, channels, 1),
            )

    def start_at_one(self) -> None:
        """Set layers to zero so that every gain is 1, and make the knees large."""
        layers = [self.bands] if self.masking is None else [self.bands, self.masking[-1]]
        with torch.no_grad():
            for layer in layers:
                for parameter in layer.parameters():
                    parameter.zero_()
            if self.knees is not None:
                self.knees.weight.zero_()
                self.knees.bias.fill_(START_LOG_KNEE)

    def forward(self, low: Tensor | None, step: Tensor) -> Scale:
        """Return gains `(N, channels, h, w)`, or `(N, channels, 1, 1)` without the network, and knees.

        Args:
            low: `(N, colors, h, w)` picture from the coarser levels, in pixel values; None for
                the coarsest level, whose gains are constants.
            step: `(N,)`.
        """
        condition = log_step_features(step)
        with torch.autocast(step.device.type, enabled=False):
            log_gain = self.bands(condition)[:, :, None, None]
            log_knee = None if self.knees is None else self.knees(condition)[:, :, None, None]
        if self.masking is not None and low is not None:
            seen = [torch.log1p(local_variance(low, w) / VISIBLE_VARIANCE) for w in WINDOWS]
            told = condition[:, :, None, None].expand(-1, -1, *low.shape[2:])
            entering = torch.cat([*seen, told], 1).contiguous(memory_format=torch.channels_last)
            log_gain = log_gain + self.masking(entering).to(log_gain.dtype)
        gain = log_gain.clamp(-LARGEST_LOG_GAIN, LARGEST_LOG_GAIN).exp()
        return Scale(gain, None if log_knee is None else log_knee.clamp(0, LARGEST_LOG_KNEE).exp())


class Gains(nn.Module):
    """Gains of every level, coarse first.

    Args:
        config: width of the masking networks.
        channels: subbands of each level.
    """

    levels: Sequence[LevelGains]

    def __init__(self, config: GainsConfig, channels: Sequence[int]) -> None:
        super().__init__()
        levels = [LevelGains(c, config.width if n else 0) for n, c in enumerate(channels)]
        # A ModuleList at run time; the annotation keeps the elements' type.
        self.levels = cast("Sequence[LevelGains]", nn.ModuleList(levels))
        self.masked = config.width > 0
