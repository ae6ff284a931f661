"""Trains predictors and the network after synthesis on rounded codes, before joint training.

Each predictor has a loss of its own level. It is the number of bits of the difference to its prediction, by a
formula that is smooth in every latent, plus the error where the difference is rounded to zero, because there
the picture shows the prediction. Where codes are not zero, they follow their latents, and the error does not
change. So no gradient passes between levels or through the quantizer.
"""

from __future__ import annotations

import torch
from torch import Tensor

from vqzip.autoencoders.discrete import Vqvae
from vqzip.autoencoders.wavelet.transform import WaveletTransform
from vqzip.errors import RecipeError
from vqzip.hierarchy import CONTEXT_TILE
from vqzip.prior.float.pixelcnn import PixelCnn
from vqzip.training.grid_phases import random_steps, step_groups
from vqzip.training.image_sources import CropSource
from vqzip.training.losses import squared_error_sum
from vqzip.training.phases import LOWEST_BPP, PriorTraining, autocast
from vqzip.training.recipe import PredictorPhaseConfig, Recipe

CURVATURE = 2.0
"""The bits of a latent of z steps are estimated as log2(1 + CURVATURE * z**2): 0.6 bits for half a step."""


class PredictorPhase(PriorTraining):
    """Trains predictors and the network after synthesis on random crops.

    Args:
        recipe: with its predictor phase.
        vqvae: a wavelet with predictors.
        prior: not trained here.
        source: of crops.
        device: where to train.

    Raises:
        RecipeError: the recipe lacks this phase, or the transform has no predictors.
    """

    name = "predictors"
    stream = 5

    def __init__(
        self,
        recipe: Recipe,
        vqvae: Vqvae,
        prior: PixelCnn,
        source: CropSource,
        device: torch.device,
    ) -> None:
        transform = vqvae.transform
        if recipe.predictor_phase is None:
            raise RecipeError(f"recipe '{recipe.name}' has no [predictor_phase]; add it.")
        if not isinstance(transform, WaveletTransform) or not transform.predictors:
            raise RecipeError(f"recipe '{recipe.name}': a predictor phase needs predictors.")
        self.config: PredictorPhaseConfig = recipe.predictor_phase
        self.steps, self.time_share = self.config.steps, self.config.time_share
        self.side = CONTEXT_TILE + 2 * recipe.data.margin
        self.vqvae, self.prior, self.source, self.device = vqvae, prior, source, device
        self.transform, self.seed = transform, recipe.seed
        networks = [transform.predictors, transform.after]
        groups = [{"params": list(part.parameters())} for part in networks if part is not None]
        self.rates = [self.config.learning_rate] * len(groups)
        self.optimizer = torch.optim.Adam(groups, lr=self.config.learning_rate)

    def step(self, number: int, remaining: float) -> dict[str, float]:
        """Take one step on a batch of crops."""
        pixels, _ = self.source.batch(self.stream, number, self.config.batch, self.side)
        pixels = pixels.to(self.device)
        generator = torch.Generator().manual_seed(self.seed * 1_000_003 + number)
        step = random_steps(self.config, generator).to(self.device)
        first, last = self.config.deadzone
        offset = first + (last - first) * torch.rand(self.config.batch, generator=generator)
        with autocast(self.device, wanted=self.config.bfloat16):
            cost, picture = self._predicted(pixels, step, offset.to(self.device))
            x_hat = self.transform.to_pixels(picture, step)
        distortion = squared_error_sum(x_hat, pixels)
        details = torch.log(LOWEST_BPP + cost).mean()
        error = torch.log(LOWEST_BPP + distortion / self._price(step)).mean()
        self.optimizer.zero_grad(set_to_none=True)
        torch.autograd.backward(details + error)
        norms = step_groups(self.optimizer, self.rates, number, remaining)
        return {
            "loss": details.item(),
            "log_error": error.item(),
            "distortion": distortion.mean().item(),
            "gradient": norms[0],
        }

    def _price(self, step: Tensor) -> Tensor:
        """Return lambda, `(N,)`: the distortion that is worth one bit per pixel."""
        return self.config.rate_weight * (step / 100) ** 2

    def _predicted(self, pixels: Tensor, step: Tensor, offset: Tensor) -> tuple[Tensor, Tensor]:
        """Return the estimated bits per pixel of the details `(N,)`, and the finest low band of their codes."""
        unit, offset = step[:, None, None, None], offset[:, None, None, None]
        features = self.transform.analyze(pixels, step)
        cost = torch.zeros_like(step)
        low: Tensor | None = None
        for number, quantizer in enumerate(self.vqvae.quantizers):
            scale = self.transform.scale(number, low, step)
            z = scale.latents(features[number]).float() / unit
            with torch.no_grad():
                codes = z.sign() * (z.abs() + offset).floor()
                z_q = quantizer.dequantize(codes[:, :, None].int(), step)
                low = self.transform.finer(low, scale.subbands(z_q))
            if scale.prediction is not None:
                bits = torch.log2(1 + CURVATURE * z.square())
                error = torch.where(codes == 0, z.square(), 0.0)
                cost = cost + bits.flatten(1).sum(1)
                cost = cost + error.flatten(1).sum(1) * step.square() / self._price(step)
        if low is None:
            raise RecipeError("a VQ-VAE without levels has nothing to predict; add levels.")
        return cost / (pixels.shape[2] * pixels.shape[3]), low
