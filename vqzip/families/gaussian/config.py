"""The configuration of Gaussian VAEs, and the family."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from vqzip.errors import ModelError
from vqzip.families.family import Stored, stored_family

if TYPE_CHECKING:
    from vqzip.families.gaussian.model import GaussianModel

STRIDE = 4
"""The encoder halves the sides twice."""


@dataclass(frozen=True)
class GaussianConfig:
    """A Gaussian VAE for pictures of one size.

    Args:
        name: of the model.
        height: of the pictures, a multiple of 4.
        width: of the same.
        channels: 1 for gray, 3 for RGB.
        latent: numbers that a picture becomes.
        hidden: channels after the first convolution; twice as many after the second.
        beta: weight of the KL divergence in training; 1 for a VAE.
    """

    name: str
    height: int = 28
    width: int = 28
    channels: int = 1
    latent: int = 16
    hidden: int = 32
    beta: float = 1.0
    kind: Literal["gaussian"] = "gaussian"

    metric = "bits"
    has_qualities = False
    stream_names = ()


def check(config: GaussianConfig) -> None:
    """Check sides and channels.

    Raises:
        ModelError: they do not fit the networks.
    """
    if config.height % STRIDE or config.width % STRIDE:
        raise ModelError(f"the sides of pictures must be multiples of {STRIDE}.")
    if config.channels == 2:
        raise ModelError("pictures have 1 or 3 channels.")


def _make(stored: Stored[GaussianConfig], device: str) -> GaussianModel:
    from vqzip.families.gaussian.model import GaussianModel
    from vqzip.families.gaussian.network import GaussianVae
    from vqzip.families.loading import loaded

    return GaussianModel(stored, loaded(lambda: GaussianVae(stored.config), stored, device))


GAUSSIAN = stored_family(
    "Gaussian VAE",
    GaussianConfig,
    {
        (GaussianConfig, "height"): (STRIDE, 256),
        (GaussianConfig, "width"): (STRIDE, 256),
        (GaussianConfig, "channels"): (1, 3),
        (GaussianConfig, "latent"): (1, 1024),
        (GaussianConfig, "hidden"): (1, 1024),
        (GaussianConfig, "beta"): (0, 1000),
    },
    _make,
    check,
)
