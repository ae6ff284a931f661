"""Codes of a grid in the float prior: two features of a code, a mean and a scale for each."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import torch
from torch import Tensor
from torch.nn import functional

from vqzip.entropy.logistic_tables import SCALES
from vqzip.hierarchy import LevelConfig
from vqzip.prior.float.logistic_head import LogisticParameters, logistic_bits
from vqzip.prior.spec import (
    FRACTION_BITS,
    MAGNITUDES,
    SCALE_CENTER,
    SCALE_GAIN,
    SCALE_RATIO,
    SMALLEST_SCALE,
)

if TYPE_CHECKING:
    from vqzip.prior.float.pixelcnn import PixelCnn


def magnitude_table() -> Tensor:
    """Return log2(1 + n) / 2 for n = 0..255, rounded as the integer prior holds it."""
    n = torch.arange(MAGNITUDES, dtype=torch.float64)
    unit = float(2**FRACTION_BITS)
    rounded = (torch.log2(1 + n) / 2 * unit).round()
    return (rounded / unit).float()


def neighbor_mean(codes: Tensor) -> Tensor:
    """Return the average of the codes to the left and above, in steps; `(N, C, H, W)`."""
    codes = codes.float()
    left = functional.pad(codes, (1, 0))[:, :, :, :-1]
    above = functional.pad(codes, (0, 0, 1, 0))[:, :, :-1]
    mean = (left + above) / 2
    mean[:, :, 0] *= 2
    mean[:, :, :, 0] *= 2
    mean[:, :, 0, 0] = 0
    return mean


def logistic_parameters(
    net: PixelCnn, number: int, outputs: tuple[Tensor, ...], codes: Tensor
) -> LogisticParameters:
    """Put a level's stage outputs into channel order, as means and log scales."""
    stages = net.config.levels[number].stages
    order = [channel for stage in stages for channel in stage.channels]
    back = [order.index(channel) for channel in range(len(order))]
    halves = [out.float().chunk(2, 1) for out in outputs]
    mean = torch.cat([half[0] for half in halves], 1)[:, back]
    index = SCALE_CENTER + SCALE_GAIN * torch.cat([half[1] for half in halves], 1)[:, back]
    if net.config.levels[number].neighbour_mean:
        mean = mean + neighbor_mean(codes)
    log_scale = math.log(SMALLEST_SCALE) + SCALE_RATIO * index.clamp(0, SCALES - 1)
    return LogisticParameters(mean, log_scale)


def grid_features(net: PixelCnn, codes: Tensor) -> Tensor:
    """Return the signed, then the absolute logarithm of each code of a grid: `(N, 2 C, H, W)`."""
    absolute = net.magnitude[codes.abs().clamp(max=MAGNITUDES - 1)]
    signed = absolute * torch.sign(codes)
    # Convolutions of few channels are fastest on the CPU when channels lie together.
    return torch.cat([signed, absolute], 1).contiguous(memory_format=torch.channels_last)


class GridHead:
    """What depends on the kind of codes; see `FloatHead`."""

    def outputs(self, _level: LevelConfig) -> int:
        """Return 2: mean and scale."""
        return 2

    def features(self, net: PixelCnn, number: int, codes: Tensor) -> Tensor:
        """Return the signed and the absolute logarithm of every code."""
        if net.config.levels[number].neighbour_mean:
            codes = codes - torch.floor(neighbor_mean(codes) + 0.5).to(codes.dtype)
        return grid_features(net, codes)

    def columns(self, channels: tuple[int, ...], _features: int, of: int) -> list[int]:
        """Return where the features of some of `of` channels lie."""
        return [*channels, *(of + channel for channel in channels)]

    def bits(
        self, net: PixelCnn, number: int, outputs: tuple[Tensor, ...], codes: Tensor, gray: Tensor
    ) -> Tensor:
        """Return the code length of a level in bits, `(N,)`."""
        parameters = logistic_parameters(net, number, outputs, codes)
        bits = logistic_bits(codes.float(), parameters, *net.tails())
        if net.config.gray_stages:
            stages = net.config.levels[number].stages[: net.config.gray_stages]
            luma = torch.zeros(bits.shape[1], dtype=torch.bool, device=bits.device)
            luma[[channel for stage in stages for channel in stage.channels]] = True
            bits = bits * (luma | ~gray[:, None])[:, :, None, None]
        return bits.flatten(1).sum(1)
