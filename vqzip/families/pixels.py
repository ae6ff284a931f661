"""The family without loss: a prior of pixels in integers, whose files hold every sample of a picture."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from vqzip.families.family import Stored, stored_family

if TYPE_CHECKING:
    from vqzip.codec.lossless.codec import LosslessCodec


@dataclass(frozen=True)
class PixelsConfig:
    """The content of `config.json`.

    Args:
        name: of the model.
        hidden: outputs of the two hidden layers of each network.
    """

    name: str
    hidden: tuple[int, int]
    kind: Literal["pixels"] = "pixels"
    format: int = 1

    metric = "bits"
    has_qualities = False
    stream_names = ("a preview of every 16th sample", "all other samples")


def make(stored: Stored[PixelsConfig], _device: str) -> LosslessCodec:
    """Return the codec of a model."""
    from vqzip.codec.lossless.codec import LosslessCodec
    from vqzip.prior.pixels.model import PixelPrior

    prior = PixelPrior.from_tensors(stored.tensors, stored.config.hidden)
    return LosslessCodec(stored.config.name, stored.id, prior)


PIXELS = stored_family(
    "pixels without loss",
    PixelsConfig,
    {(PixelsConfig, "hidden"): (1, 128), (PixelsConfig, "format"): (1, 1)},
    make,
)
