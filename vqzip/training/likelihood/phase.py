"""The phase that trains a network by likelihood."""

from __future__ import annotations

from typing import cast

import numpy as np
import torch
from torch import Tensor, nn

from vqzip.families.loading import device_of, to_tensor
from vqzip.pictures.sets import PictureSet
from vqzip.training.checkpoints import (
    module_tensors,
    optimizer_tensors,
    restore_module,
    restore_optimizer,
)
from vqzip.training.likelihood.recipe import Trainable, TrainingConfig
from vqzip.training.phases.optimizing import learning_rate, step_optimizer


class LikelihoodPhase:
    """Trains a network on pictures of one size; see `vqzip.training.phases.phase.Phase`.

    Args:
        config: of the phase.
        network: a `Trainable`, on its device.
        pictures: to train on.
        seed: with the number of a step, it decides everything random.
    """

    name = "likelihood"
    figures: tuple[str, ...] = ("loss", "bits_per_dim")
    time_share = 1.0

    def __init__(
        self, config: TrainingConfig, network: nn.Module, pictures: PictureSet, seed: int
    ) -> None:
        self.config, self.network, self._pictures, self._seed = config, network, pictures, seed
        self.steps = config.steps
        self.optimizer = torch.optim.Adam(network.parameters(), lr=config.learning_rate)

    def step(self, number: int, remaining: float) -> dict[str, float]:
        """Take one step on pictures that are drawn at random."""
        self.network.train()
        values, labels = self._batch(number)
        generator = torch.Generator().manual_seed(self._seed * 1_000_003 + number)
        found = cast("Trainable", self.network).loss(values, labels, generator, 1 - remaining)
        self.optimizer.zero_grad(set_to_none=True)
        found["loss"].backward()  # type: ignore[no-untyped-call]
        rate = learning_rate(self.config.learning_rate, number, remaining)
        norm = step_optimizer(self.optimizer, rate)
        return {name: value.item() for name, value in found.items()} | {"gradient": norm}

    def tensors(self) -> dict[str, Tensor]:
        """Return network and optimizer."""
        return module_tensors("network", self.network) | optimizer_tensors(self.optimizer)

    def restore(self, tensors: dict[str, Tensor]) -> None:
        """Restore network and optimizer."""
        restore_module("network", self.network, tensors)
        restore_optimizer(self.optimizer, tensors)

    def _batch(self, number: int) -> tuple[Tensor, Tensor | None]:
        """Return pictures `(N, C, H, W)` int64 and classes `(N,)` of a step."""
        generator = np.random.default_rng([self._seed, number])
        chosen = generator.integers(0, len(self._pictures.pixels), self.config.batch)
        pixels = self._pictures.pixels[chosen]
        if self.config.flip:
            mirrored = generator.random(len(pixels)) < 0.5
            pixels[mirrored] = pixels[mirrored, :, ::-1]
        if self.config.binarize:
            pixels = (255 * generator.random(pixels.shape) < pixels).astype(np.uint8)
        where, labels = device_of(self.network), self._pictures.labels
        classes = None if labels is None else torch.from_numpy(labels[chosen]).to(where)
        return to_tensor(pixels, where), classes
