"""Pixel priors with random weights."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from vqzip.prior.pixels.model import PixelPrior
from vqzip.prior.pixels.spec import FEATURES, INPUTS, MIXED
from vqzip.prior.pixels.tables import make_tables

HIDDEN = (16, 8)


def random_tensors(seed: int) -> dict[str, NDArray[np.generic]]:
    """Return the tensors of a model folder."""
    generator = np.random.default_rng(seed)
    tensors: dict[str, NDArray[np.generic]] = dict(make_tables())
    for plane, features in enumerate(FEATURES):
        widths = (features, *HIDDEN, 3 * MIXED)
        for n in range(3):
            name, shape = f"planes.{plane}.{n}", (widths[n], widths[n + 1])
            tensors[f"{name}.weight"] = generator.integers(-300, 301, shape).astype(np.int16)
            tensors[f"{name}.bias"] = generator.integers(-(10**6), 10**6, shape[1])
            tensors[f"{name}.shift"] = generator.integers(8, 12, shape[1])
    weights = np.zeros((2, 3, 28), np.int64)
    for plane, count in enumerate(INPUTS):
        weights[:, plane, :count] = generator.integers(-8000, 20000, (2, count))
    return {**tensors, "first_weights": weights}


def random_prior(seed: int) -> PixelPrior:
    """Return a prior with hidden layers of `HIDDEN` outputs."""
    return PixelPrior.from_tensors(random_tensors(seed), HIDDEN)
