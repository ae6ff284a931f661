"""What the training loop asks of a phase, and what every phase is made from."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Protocol

import torch
from torch import Tensor

from vqzip.autoencoders.discrete import Vqvae
from vqzip.autoencoders.wavelet.transform import WaveletTransform
from vqzip.errors import RecipeError
from vqzip.prior.float.pixelcnn import PixelCnn
from vqzip.training.checkpoints import (
    module_tensors,
    optimizer_tensors,
    restore_module,
    restore_optimizer,
)
from vqzip.training.data.crops import Batch, Window
from vqzip.training.data.loader import Loader
from vqzip.training.ranks import ALONE, Ranks
from vqzip.training.recipe.config import Recipe


class Phase(Protocol):
    """What the loop asks of a phase.

    Attributes:
        name: for the log and the user.
        steps: when no time limit is given.
        time_share: when one is.
        figures: the two metrics that matter most.
    """

    name: str
    figures: tuple[str, ...]
    steps: int
    time_share: float

    def step(self, number: int, remaining: float) -> dict[str, float]:
        """Take one optimizer step and return its metrics, `loss` and `gradient` among them.

        Args:
            number: of the step, from 0; with the recipe's seed it decides every random choice.
            remaining: share of the phase that is left, falling from 1 to 0.
        """

    def tensors(self) -> dict[str, Tensor]:
        """Return all that a checkpoint needs to continue."""

    def restore(self, tensors: dict[str, Tensor]) -> None:
        """Restore what `tensors` returned."""


@dataclass(frozen=True)
class Setup:
    """What every phase of a run is made from.

    Args:
        recipe: of the run.
        vqvae: on the device.
        prior: the float network, on the device.
        loader: of crops.
        device: where to train.
        ranks: the processes that train together.
    """

    recipe: Recipe
    vqvae: Vqvae
    prior: PixelCnn
    loader: Loader
    device: torch.device
    ranks: Ranks = ALONE

    def generator(self, number: int) -> torch.Generator:
        """Return the random numbers of a step, which are the same in a resumed run."""
        return torch.Generator().manual_seed(self.recipe.seed * 1_000_003 + number)

    def batch(self, stream: int, number: int, count: int, window: Window) -> Batch:
        """Return this process's crops of a step, on the device.

        Args:
            stream: number of the random stream.
            number: of the step.
            count: crops of all processes together.
            window: their size.
        """
        batch = self.loader.batch(stream, number, count, window, self.ranks.part(count))
        return self.on_device(batch)

    def on_device(self, batch: Batch) -> Batch:
        """Return a batch whose tensors are on the device."""
        pixels = batch.pixels.to(self.device, non_blocking=True)
        return replace(batch, pixels=pixels, gray=batch.gray.to(self.device))

    def own(self, drawn: Tensor) -> Tensor:
        """Return this process's part of random numbers for the whole batch, on the device."""
        return self.ranks.own(drawn).to(self.device)

    def wavelet(self, phase: str) -> WaveletTransform:
        """Return the transform of a phase that needs a wavelet.

        Raises:
            RecipeError: the recipe has another transform.
        """
        if not isinstance(self.vqvae.transform, WaveletTransform):
            raise RecipeError(
                f"recipe '{self.recipe.name}': a phase of kind '{phase}' needs a wavelet transform."
            )
        return self.vqvae.transform


class NetworksPhase:
    """What a checkpoint contains of a phase that trains VQ-VAE or prior by an optimizer.

    Attributes:
        setup: with the networks.
        optimizer: of what is trained.
    """

    setup: Setup
    optimizer: torch.optim.Optimizer

    def tensors(self) -> dict[str, Tensor]:
        """Return VQ-VAE, prior and optimizer."""
        return {
            **module_tensors("vqvae", self.setup.vqvae),
            **module_tensors("prior", self.setup.prior),
            **optimizer_tensors(self.optimizer),
        }

    def restore(self, tensors: dict[str, Tensor]) -> None:
        """Restore VQ-VAE, prior and optimizer."""
        restore_module("vqvae", self.setup.vqvae, tensors)
        restore_module("prior", self.setup.prior, tensors)
        restore_optimizer(self.optimizer, tensors)
