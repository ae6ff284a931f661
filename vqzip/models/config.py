"""The configuration of a model with codes, the content of its `config.json`."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal, Protocol, TypeAlias

from vqzip.autoencoders.config import VqvaeConfig
from vqzip.prior.config import PriorConfig

BIT_PRICE = 0.08
"""Cost of a bit in squared steps. The slope of the rate-distortion curve of a uniform quantizer is 0.14;
less is best for codes that later codes are predicted from (docs/log.md)."""


TrainedFor: TypeAlias = Literal["psnr", "ms-ssim", "jod"]
"""Names of metrics; `psnr` for squared error, `jod` for ColorVideoVDP."""


@dataclass(frozen=True)
class ModelConfig:
    """The content of `config.json` in a model folder.

    Args:
        name: of the model.
        vqvae: levels, transform, qualities.
        prior: widths and stages.
        metric: the metric that the model was trained for.
        bit_price: cost of a bit when the encoder chooses codes, in squared steps.
        format: of the folder.
    """

    name: str
    vqvae: VqvaeConfig
    prior: PriorConfig
    metric: TrainedFor = field(default="psnr", metadata={"left_out": "at default"})
    bit_price: float = field(default=BIT_PRICE, metadata={"left_out": "at default"})
    format: int = 1

    @property
    def has_qualities(self) -> bool:
        """Whether files can have several qualities."""
        return self.vqvae.quality is not None

    @property
    def stream_names(self) -> tuple[str, ...]:
        """What each stream of a file holds."""
        streams = self.vqvae.stream_of_level
        names = []
        for number in range(self.vqvae.streams):
            levels = zip(self.vqvae.levels, streams, strict=True)
            strides = [str(level.stride) for level, stream in levels if stream == number]
            names.append(f"stride{'s' if len(strides) > 1 else ''} {', '.join(strides)}")
        return tuple(names)


class AnyConfig(Protocol):
    """The configuration of a model of any family."""

    @property
    def name(self) -> str:
        """Name of the model."""

    @property
    def metric(self) -> str:
        """The metric that it was trained for: `psnr`, `ms-ssim`, `jod`, or `bits` for likelihood."""

    @property
    def has_qualities(self) -> bool:
        """Whether files can have several qualities."""

    @property
    def stream_names(self) -> tuple[str, ...]:
        """What each stream of a file holds; empty if the model writes no .vqz files."""
