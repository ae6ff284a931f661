"""The configuration of a model: what `config.json` of its folder holds."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from vqzip.autoencoders.config import VqvaeConfig
from vqzip.prior.config import PriorConfig

BIT_PRICE = 0.08
"""Price of a bit in squared steps: the slope of the rate-distortion curve of a uniform quantizer is
0.14, and less of it is best for codes that later codes are predicted from (docs/log.md)."""


@dataclass(frozen=True)
class ModelConfig:
    """What `config.json` of a model folder holds.

    Args:
        name: of the model.
        vqvae: levels, transform, qualities.
        prior: widths and stages.
        metric: what the model was trained for: `psnr` stands for squared error.
        bit_price: of the encoder's choice of codes, in squared steps a bit.
        format: of the folder.
    """

    name: str
    vqvae: VqvaeConfig
    prior: PriorConfig
    metric: Literal["psnr", "ms-ssim"] = field(default="psnr", metadata={"left_out": "at default"})
    bit_price: float = field(default=BIT_PRICE, metadata={"left_out": "at default"})
    format: int = 1
