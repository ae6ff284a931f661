"""A loaded deep belief network: it scores and samples binary pictures."""

from __future__ import annotations

import functools
import math
from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from vqzip.autoencoders.arithmetic import own_arithmetic
from vqzip.errors import PictureError
from vqzip.families.dbn.config import DbnConfig
from vqzip.families.dbn.network import MOST_ENUMERATED, Dbn
from vqzip.families.family import Stored
from vqzip.families.loading import batches, check_pixels, to_pixels
from vqzip.models.abilities import Draw, Pixels, Score, refuse_settings
from vqzip.pictures.picture import Picture

CHAINS, ANNEALING_STEPS = 100, 1000
"""Of annealed importance sampling."""

SAMPLES = 8
"""Samples of the units above the pictures whose probabilities a bound averages."""

GIBBS_STEPS = 1000
"""Steps of Gibbs sampling at the top for a sample."""


class DbnModel:
    """A deep belief network.

    Args:
        stored: its folder.
        network: in evaluation mode.
    """

    def __init__(self, stored: Stored[DbnConfig], network: Dbn) -> None:
        self.name, self.config, self.network = stored.config.name, stored.config, network
        self._shape = (self.config.height, self.config.width, self.config.channels)

    @functools.cached_property
    def log_partition(self) -> float:
        """Log Z of the top RBM: exact for small layers, otherwise by annealed importance sampling."""
        top = self.network.rbms[-1]
        with own_arithmetic():
            if min(top.weight.shape) <= MOST_ENUMERATED:
                return top.log_partition()
            generator = torch.Generator().manual_seed(0)
            return top.estimated_log_partition(CHAINS, ANNEALING_STEPS, generator)

    @own_arithmetic()
    def score(self, pixels: Pixels, *, labels: Sequence[int] | None = None, seed: int = 0) -> Score:
        """Return a bound on -log2 p of every binary picture; exact for one small layer.

        Where log Z is estimated, so is the bound.

        Raises:
            PictureError: pictures have another size, or samples other than 0 and 1.
        """
        del labels
        self._check(pixels)
        generator = torch.Generator().manual_seed(seed)
        one_layer = len(self.network.rbms) == 1
        bits = np.empty(len(pixels))
        for place, values in batches(pixels, self.network):
            bounds = [
                self.network.bound(values, self.log_partition, generator)
                for _ in range(1 if one_layer else SAMPLES)
            ]
            nats = math.log(len(bounds)) - torch.logsumexp(-torch.stack(bounds), 0)
            bits[place] = nats.numpy(force=True) / math.log(2)
        small = min(self.network.rbms[-1].weight.shape) <= MOST_ENUMERATED
        return Score(bits, "exact" if one_layer and small else "bound")

    @own_arithmetic()
    def sample(self, draw: Draw) -> list[Picture]:
        """Return the probabilities of samples as gray values, after Gibbs sampling at the top."""
        refuse_settings(self, draw, "size", "quality", "label", "top_k")
        generator = torch.Generator().manual_seed(draw.seed)
        shown = self._shown(self.network.sampled(draw.count, GIBBS_STEPS, generator))
        return [Picture(one[:, :, 0] if one.shape[2] == 1 else one) for one in shown]

    def _check(self, pixels: Pixels) -> None:
        check_pixels(self.name, pixels, self._shape)
        if pixels.size and pixels.max() > 1:
            raise PictureError(
                f"the model '{self.name}' takes binary pictures, of samples 0 and 1; binarize them first."
            )

    def _shown(self, probabilities: Tensor) -> Pixels:
        height, width, channels = self._shape
        return to_pixels((255 * probabilities).round().reshape(-1, channels, height, width))
