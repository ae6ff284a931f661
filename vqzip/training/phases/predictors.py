"""Trains predictors and the network after synthesis on rounded codes, before joint training.

Each predictor has a loss of its own level. It is the number of bits of the difference to its prediction, by a
formula that is smooth in every latent, plus the error where the difference is rounded to zero, because there
the picture shows the prediction. Where codes are not zero, they follow their latents, and the error does not
change. So no gradient passes between levels or through the quantizer.
"""

from __future__ import annotations

import torch
from torch import Tensor

from vqzip.errors import RecipeError
from vqzip.training.data.crops import Batch
from vqzip.training.losses import squared_error_sum
from vqzip.training.phases.optimizing import (
    LOWEST_BPP,
    autocast,
    distortion_price,
    random_log_steps,
    random_offsets,
    step_groups,
)
from vqzip.training.phases.phase import NetworksPhase, Setup
from vqzip.training.phases.tiles import ContextTiles
from vqzip.training.recipe.phases import PredictorPhaseConfig

CURVATURE = 2.0
"""The bits of a latent of z steps are estimated as log2(1 + CURVATURE * z**2): 0.6 bits for half a step."""


class PredictorPhase(NetworksPhase):
    """Trains predictors and the network after synthesis on random crops.

    Args:
        config: of the phase.
        setup: with a wavelet that has predictors.

    Raises:
        RecipeError: the transform has no predictors.
    """

    name = "predictors"
    stream = 5
    figures: tuple[str, ...] = ("loss", "distortion")

    def __init__(self, config: PredictorPhaseConfig, setup: Setup) -> None:
        self.config, self.setup = config, setup
        self.steps, self.time_share = config.steps, config.time_share
        self.transform = setup.wavelet(config.kind)
        if not self.transform.predictors:
            raise RecipeError(f"recipe '{setup.recipe.name}': a predictor phase needs predictors.")
        self.window = ContextTiles(setup.recipe.vqvae, setup.recipe.data.margin).window
        networks = [self.transform.predictors, self.transform.after]
        groups = [{"params": list(part.parameters())} for part in networks if part is not None]
        self.rates = [config.learning_rate] * len(groups)
        self.optimizer = torch.optim.Adam(groups, lr=config.learning_rate)

    def step(self, number: int, remaining: float) -> dict[str, float]:
        """Take one step on a batch of crops."""
        setup = self.setup
        batch = setup.batch(self.stream, number, self.config.batch, self.window)
        generator = setup.generator(number)
        step = setup.own(random_log_steps(self.config, generator).exp())
        offset = setup.own(random_offsets(self.config, generator))
        with autocast(setup.device, wanted=self.config.bfloat16):
            cost, picture = self._predicted(batch, step, offset)
            x_hat = self.transform.to_pixels(picture, step)
        distortion = squared_error_sum(batch.inside(x_hat), batch.inside(batch.pixels))
        details = torch.log(LOWEST_BPP + cost).mean()
        error = torch.log(LOWEST_BPP + distortion / self._price(step)).mean()
        self.optimizer.zero_grad(set_to_none=True)
        torch.autograd.backward(details + error)
        norms = step_groups(self.optimizer, self.rates, number, remaining, setup.ranks)
        return {
            "loss": details.item(),
            "log_error": error.item(),
            "distortion": distortion.mean().item(),
            "gradient": norms[0],
        }

    def _price(self, step: Tensor) -> Tensor:
        return distortion_price(self.config.rate_weight, step)

    def _predicted(self, batch: Batch, step: Tensor, offset: Tensor) -> tuple[Tensor, Tensor]:
        """Return the estimated bits per pixel of the details `(N,)`, and the finest low band of their codes."""
        unit, offset = step[:, None, None, None], offset[:, None, None, None]
        features = self.transform.analyze(batch.pixels, step)
        cost = torch.zeros_like(step)
        low: Tensor | None = None
        for number, quantizer in enumerate(self.setup.vqvae.quantizers):
            scale = self.transform.scale(number, low, step)
            z = scale.latents(features[number]).float() / unit
            with torch.no_grad():
                codes = z.sign() * (z.abs() + offset).floor()
                z_q = quantizer.dequantize(codes[:, :, None].int(), step)
                low = self.transform.finer(low, scale.subbands(z_q))
            if scale.prediction is not None:
                bits = torch.log2(1 + CURVATURE * z.square())
                error = torch.where(codes == 0, z.square(), 0.0)
                rows, columns = self.setup.recipe.vqvae.shape(number, batch.height, batch.width)
                bits, error = bits[:, :, :rows, :columns], error[:, :, :rows, :columns]
                cost = cost + bits.flatten(1).sum(1)
                cost = cost + error.flatten(1).sum(1) * step.square() / self._price(step)
        if low is None:
            raise RecipeError("a VQ-VAE without levels has nothing to predict; add levels.")
        return cost / (batch.height * batch.width), low
