"""Networks that predict the details of a level from the picture of the coarser levels.

The difference to the prediction is quantized, and the decoder adds the prediction again: VQ-VAE-2's
E_bottom(x, e_top) (Razavi et al. 2019, section 3.1), and the low-to-high step of Li, Naman and Taubman (2024).
An edge appears in every subband of a wavelet, and its shape there follows from the coarser picture. Encoder and
decoder both predict from the decoded picture.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional

from vqzip.autoencoders.config import PredictorConfig
from vqzip.autoencoders.residual import log_step_features
from vqzip.autoencoders.spec import ACTIVATION_SLOPE, PREDICTOR_WINDOW, predictor_reach
from vqzip.autoencoders.wavelet.gains import window_mean
from vqzip.autoencoders.wavelet.refiner import BottleneckBlock, ModulatedBlock, residual_blocks


class Predictor(nn.Module):
    """`step * f((x - local mean) / step)`, f a residual network that gets the step as an input.

    Args:
        config: width, blocks, fold.
        colors: planes of the low band.
        channels: subbands of the level.

    Attributes:
        reach: positions of the level that a prediction depends on in each direction.
    """

    blocks: Sequence[ModulatedBlock | BottleneckBlock]

    def __init__(self, config: PredictorConfig, colors: int = 3, channels: int = 9) -> None:
        super().__init__()
        self.fold = config.fold
        area = config.fold**2
        self.enter = nn.Conv2d(colors * area, config.width, 3, padding=1)
        self.blocks = residual_blocks(config.width, config.hidden, config.blocks)
        self.leave = nn.Conv2d(config.width, channels * area, 3, padding=1)
        self.reach = predictor_reach(config)

    def start_at_zero(self) -> None:
        """Set layers to zero so that every prediction is 0 and all steps are alike."""
        with torch.no_grad():
            for layer in (self.leave, *(block.modulation for block in self.blocks)):
                for parameter in layer.parameters():
                    parameter.zero_()

    def forward(self, low: Tensor, step: Tensor) -> Tensor:
        """Return the predicted subbands, `(N, channels, h, w)`.

        Args:
            low: `(N, colors, h, w)` picture that the coarser levels make; sides are multiples of `fold`.
            step: `(N,)` of the quantizer.
        """
        unit = step[:, None, None, None]
        condition = log_step_features(step)
        h = functional.pixel_unshuffle(less_local_mean(low / unit), self.fold)
        h = self.enter(h.contiguous(memory_format=torch.channels_last))
        for block in self.blocks:
            h = block(h, condition)
        details = self.leave(functional.leaky_relu_(h, ACTIVATION_SLOPE))
        return functional.pixel_shuffle(details, self.fold).to(low.dtype) * unit


def less_local_mean(x: Tensor) -> Tensor:
    """Return planes `(N, C, h, w)` less the mean of a square window around every position."""
    edge = PREDICTOR_WINDOW // 2
    padded = functional.pad(x, (edge, edge, edge, edge), mode="replicate")
    return x - window_mean(padded, PREDICTOR_WINDOW)
