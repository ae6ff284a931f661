"""What the training loop asks of a phase, and what every phase is made from."""

from __future__ import annotations

from dataclasses import dataclass
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
from vqzip.training.image_sources import CropSource
from vqzip.training.recipe.config import Recipe


class Phase(Protocol):
    """What the loop asks of a phase.

    Attributes:
        name: for the log and the user.
        steps: when no time limit is given.
        time_share: when one is.
    """

    name: str
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
        source: of crops.
        device: where to train.
    """

    recipe: Recipe
    vqvae: Vqvae
    prior: PixelCnn
    source: CropSource
    device: torch.device

    def generator(self, number: int) -> torch.Generator:
        """Return the random numbers of a step, which are the same in a resumed run."""
        return torch.Generator().manual_seed(self.recipe.seed * 1_000_003 + number)

    def batch(self, stream: int, number: int, count: int, side: int) -> tuple[Tensor, Tensor]:
        """Return pixels and gray flags of a step on the device; see `CropSource.batch`."""
        pixels, gray = self.source.batch(stream, number, count, side)
        return pixels.to(self.device), gray.to(self.device)

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
