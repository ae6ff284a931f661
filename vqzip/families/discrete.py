"""The family with codes: an autoencoder with quantizers, and a prior in integers (VQ-VAE, VQ-VAE-2, wavelets)."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from vqzip.families.family import Family
from vqzip.models.config import ModelConfig
from vqzip.models.folder import check_discrete

if TYPE_CHECKING:
    from vqzip.models.abilities import Named


def load(folder: Path, device: str) -> Named:
    """Return the codec of a model."""
    from vqzip.codec.codec import load as load_codec

    return load_codec(folder, device)


DISCRETE = Family("codes and an exact prior", ModelConfig, check_discrete, load)
