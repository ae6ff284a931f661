"""What becomes of the heads of a float prior: tables, and outputs in the units of the integers."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Protocol

import numpy as np
import torch
from numpy.typing import NDArray

from vqzip.entropy.logistic_tables import SCALES
from vqzip.prior.export.logistic_tables import logistic_tables
from vqzip.prior.float.pixelcnn import PixelCnn
from vqzip.prior.spec import (
    FRACTION_BITS,
    MEAN_FRACTION_BITS,
    SCALE_CENTER,
    SCALE_GAIN,
    SCALE_RATIO,
    SMALLEST_SCALE,
)

Doubles = NDArray[np.float64]


class HeadExport(Protocol):
    """What depends on the kind of codes."""

    def tables(self, prior: PixelCnn, /) -> dict[str, torch.Tensor]:
        """Return the tables of features by tensor name: one for all levels, or one a level."""

    def output_units(
        self, weight: Doubles, bias: Doubles, /
    ) -> tuple[Doubles, Doubles, NDArray[np.int64]]:
        """Return an output layer in the units of the integers, and the fraction bits of each output."""

    def counts(self, prior: PixelCnn, /) -> Mapping[str, NDArray[np.int64]]:
        """Return the tables of counts by tensor name."""


class LogisticExport:
    """The head of grids: means, then scales."""

    def tables(self, prior: PixelCnn) -> dict[str, torch.Tensor]:
        """See `HeadExport`."""
        return {"features.magnitude": prior.magnitude}

    def output_units(
        self, weight: Doubles, bias: Doubles
    ) -> tuple[Doubles, Doubles, NDArray[np.int64]]:
        """See `HeadExport`; scales become indices of a table."""
        outputs = weight.shape[1]
        is_mean = np.arange(outputs) < outputs // 2
        gain, offset = np.where(is_mean, 1.0, SCALE_GAIN), np.where(is_mean, 0.0, SCALE_CENTER)
        return weight * gain, bias * gain + offset, np.where(is_mean, MEAN_FRACTION_BITS, 0)

    def counts(self, prior: PixelCnn) -> Mapping[str, NDArray[np.int64]]:
        """See `HeadExport`."""
        scales = SMALLEST_SCALE * np.exp(SCALE_RATIO * np.arange(SCALES))
        share, width = prior.tails()
        return logistic_tables(scales, float(share), float(width))


class CategoricalExport:
    """The head of codebooks: logits."""

    def tables(self, prior: PixelCnn) -> dict[str, torch.Tensor]:
        """See `HeadExport`."""
        return {f"features.embedding.{n}": table for n, table in enumerate(prior.embeddings)}

    def output_units(
        self, weight: Doubles, bias: Doubles
    ) -> tuple[Doubles, Doubles, NDArray[np.int64]]:
        """See `HeadExport`; logits are in units of log2."""
        scale = 1 / math.log(2)
        return weight * scale, bias * scale, np.full(weight.shape[1], FRACTION_BITS)

    def counts(self, _prior: PixelCnn) -> Mapping[str, NDArray[np.int64]]:
        """Return none: counts are made of logits."""
        return {}


EXPORTS: dict[str, HeadExport] = {"logistic": LogisticExport(), "categorical": CategoricalExport()}
"""By the head of a prior."""
