"""Phase 3: transform and prior together, by the rate and the distortion of the codes chosen.

The loss is that of learned image compression, distortion over lambda plus rate (Balle et al. 2017,
equation 7), at random quantizer steps so that one model serves every quality. Codes are chosen as the
encoder chooses them, by rate and distortion under the prior; the gradient passes the quantizer
straight through (van den Oord 2017, section 3.2), and the rate's gradient reaches a latent through its
own probability alone, with what the prior says of it held fixed.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

from vqzip.configs import CONTEXT_TILE
from vqzip.errors import RecipeError
from vqzip.nets.logistic_head import LogisticParameters, logistic_bits
from vqzip.nets.pixelcnn import PixelCnn
from vqzip.nets.quantizer import DEADZONE_ROUNDING, straight_through
from vqzip.nets.vqvae import Vqvae
from vqzip.nets.wavelet import WaveletTransform
from vqzip.training.image_sources import CropSource
from vqzip.training.losses import DISTORTIONS
from vqzip.training.phases import LOWEST_BPP, ContextTiles, PriorTraining, autocast, learning_rate
from vqzip.training.recipe import JointPhaseConfig, Recipe

SMALLEST_COST = 0.01
"""Bits a pixel added to a crop's cost before its logarithm: a flat crop must not rule the loss."""

GAINS_RATE = 4.0
"""Gains learn so many times as fast as the networks: few weights, each with much to say."""

NARROWEST_LOG_SCALE = math.log(0.15)
"""Of the logistic whose slope is the rate's gradient: narrower ones push a few latents too hard."""


def choose_codes(
    latents: Tensor, parameters: LogisticParameters, tails: tuple[Tensor, Tensor], price: float
) -> Tensor:
    """Return codes by rate and distortion: the nearest, one nearer to zero, or zero.

    Args:
        latents: `(N, C, H, W)` in steps.
        parameters: of the prior, of the same shape.
        tails: share and width of the prior's second logistic.
        price: of a bit, in squared steps.
    """
    codes = latents.round()
    at = codes.nonzero(as_tuple=True)
    near, z = codes[at], latents[at]
    here = LogisticParameters(parameters.mean[at], parameters.log_scale[at])
    candidates = torch.stack([near, near - near.sign(), torch.zeros_like(near)])
    bits = torch.stack([logistic_bits(candidate, here, *tails) for candidate in candidates])
    best = ((candidates - z).square() + price * bits).argmin(0, keepdim=True)
    codes[at] = candidates.gather(0, best)[0]
    return codes


class JointPhase(PriorTraining):
    """Trains the transform and the prior on random crops.

    Args:
        name: of the phase, for the log and the user.
        config: of the phase.
        recipe: the whole.
        vqvae: a wavelet with networks.
        prior: the float network.
        source: of crops.
        device: where to train.

    Raises:
        RecipeError: the transform has not got what the phase is to train.
    """

    stream = 4

    def __init__(
        self,
        name: str,
        config: JointPhaseConfig,
        recipe: Recipe,
        vqvae: Vqvae,
        prior: PixelCnn,
        source: CropSource,
        device: torch.device,
    ) -> None:
        self.name, self.config = name, config
        self.steps, self.time_share = self.config.steps, self.config.time_share
        self.side = CONTEXT_TILE + 2 * recipe.data.margin
        self.tiles = ContextTiles(recipe.vqvae, recipe.data.margin)
        self.gray_apart = recipe.prior.gray_stages > 0
        self.distortion = DISTORTIONS[self.config.distortion]
        self.vqvae, self.prior, self.source, self.device = vqvae, prior, source, device
        # Codes stay as they are while only what comes after them learns.
        self.codes_move = bool({"before", "gains"} & set(config.learn))
        self.prior_learns = config.prior_learning_rate > 0
        if not isinstance(vqvae.transform, WaveletTransform):
            raise RecipeError(f"recipe '{recipe.name}': a joint phase needs a wavelet transform.")
        self.transform = vqvae.transform
        self.seed = recipe.seed
        networks = [self._part(name) for name in config.learn if name != "gains"]
        gains = [self._part(name) for name in config.learn if name == "gains"]
        parts: list[tuple[list[nn.Module], float]] = [
            (networks, config.learning_rate),
            (gains, GAINS_RATE * config.learning_rate),
            ([prior], config.prior_learning_rate),
        ]
        self.rates = [rate for modules, rate in parts if modules and rate]
        groups = [
            {"params": [p for module in modules for p in module.parameters()]}
            for modules, rate in parts
            if modules and rate
        ]
        self.optimiser = torch.optim.Adam(groups, lr=self.config.learning_rate)

    def _part(self, name: str) -> nn.Module:
        """Return a part of the transform that the phase trains."""
        part: nn.Module | None = getattr(self.transform, name)
        if part is None:
            raise RecipeError(f"phase {self.name} is to learn '{name}': add it to the transform.")
        return part

    def step(self, number: int, remaining: float) -> dict[str, float]:
        """Take one step on a batch of crops."""
        pixels, gray = self.source.batch(self.stream, number, self.config.batch, self.side)
        pixels, gray = pixels.to(self.device), gray.to(self.device)
        generator = torch.Generator().manual_seed(self.seed * 1_000_003 + number)
        step = self._random_steps(generator)
        corner = self.tiles.corner(generator)
        with autocast(self.device, wanted=self.config.bfloat16):
            features = self.transform.analyse(pixels, step)
            codes = self._codes(features, step, gray, corner)
            latents, x_hat = self._drawn(features, codes, step)
        drawn = torch.where(gray[:, None, None, None], x_hat.mean(1, keepdim=True), x_hat)
        distortion = self.distortion(drawn, pixels)
        hard = soft = torch.zeros_like(step)
        if self.codes_move or self.prior_learns:
            hard, soft = self._bits(codes, latents, step, gray, corner)
        price = self.config.rate_weight * (step / 100) ** self.config.rate_exponent
        cost = torch.log(SMALLEST_COST + distortion / price + soft).mean()
        code_length = torch.log(LOWEST_BPP + hard).mean()
        self.optimiser.zero_grad(set_to_none=True)
        torch.autograd.backward(cost + code_length)
        norms = self._step_optimiser(number, remaining)
        metrics = {"loss": cost.item(), "distortion": distortion.mean().item()}
        if self.codes_move or self.prior_learns:
            loss = torch.log(SMALLEST_COST + distortion / price + hard).mean()
            metrics["loss"] = loss.item()
            metrics["code_length_bpp"] = hard.mean().item()
        return {**metrics, "gradient": norms[0]}

    def _random_steps(self, generator: torch.Generator) -> Tensor:
        """Return quantizer steps `(N,)`, uniform in their logarithm."""
        low, high = math.log(self.config.smallest_step), math.log(self.config.largest_step)
        share = torch.rand(self.config.batch, generator=generator)
        return (low + (high - low) * share).exp().to(self.device)

    @torch.no_grad()
    def _codes(
        self, features: list[Tensor], step: Tensor, gray: Tensor, corner: tuple[int, int]
    ) -> list[Tensor]:
        """Return float codes `(N, C, h, w)` a level: chosen in the context tile, rounded around it."""
        unit = step[:, None, None, None]
        rounded: list[Tensor] = []
        low: Tensor | None = None
        scaled: list[Tensor] = []
        for number, quantizer in enumerate(self.vqvae.quantizers):
            scale = self.transform.scale(number, low, step)
            z = scale.latents(features[number]) / unit
            codes = z.sign() * (z.abs() + DEADZONE_ROUNDING).floor()
            codes *= self._counted(codes.shape[1], gray)
            z_q = quantizer.dequantize(codes[:, :, None].int(), step)
            low = self.transform.finer(low, scale.subbands(z_q))
            rounded.append(codes)
            scaled.append(z)
        tile = [self.tiles.cut(n, level, corner).long() for n, level in enumerate(rounded)]
        condition = self.prior.conditions(step.log(), gray & self.gray_apart)
        outputs = self.prior(tile, condition)
        for number, codes in enumerate(rounded):
            parameters = self.prior.logistic_parameters(number, outputs[number], tile[number])
            z = self.tiles.cut(number, scaled[number], corner)
            chosen = choose_codes(z, parameters, self.prior.tails(), self.config.bit_price)
            chosen *= self._counted(chosen.shape[1], gray)
            self.tiles.cut(number, codes, corner).copy_(chosen)
        return rounded

    def _drawn(
        self, features: list[Tensor], codes: list[Tensor], step: Tensor
    ) -> tuple[list[Tensor], Tensor]:
        """Return each level's latents in steps, and pixels of the codes, gradients straight through."""
        latents: list[Tensor] = []
        low: Tensor | None = None
        for number, quantizer in enumerate(self.vqvae.quantizers):
            scale = self.transform.scale(number, low, step)
            z = scale.latents(features[number])
            z_q = quantizer.dequantize(codes[number][:, :, None].int(), step)
            low = self.transform.finer(low, scale.subbands(straight_through(z, z_q)))
            latents.append(z / step[:, None, None, None])
        return latents, self.transform.to_pixels(features[0] if low is None else low, step)

    def _bits(
        self,
        codes: list[Tensor],
        latents: list[Tensor],
        step: Tensor,
        gray: Tensor,
        corner: tuple[int, int],
    ) -> tuple[Tensor, Tensor]:
        """Return bits a pixel `(N,)` of the codes, and of the latents as far as they can be moved."""
        tile = [self.tiles.cut(number, level, corner) for number, level in enumerate(codes)]
        with torch.set_grad_enabled(self.prior_learns):
            condition = self.prior.conditions(step.log(), gray & self.gray_apart)
            outputs = self.prior([level.long() for level in tile], condition)
        hard, soft = torch.zeros_like(step), torch.zeros_like(step)
        tails = self.prior.tails()
        for number, level in enumerate(tile):
            parameters = self.prior.logistic_parameters(number, outputs[number], level)
            counted = self._counted(level.shape[1], gray)
            bits = logistic_bits(level, parameters, *tails)
            hard = hard + (bits * counted).flatten(1).sum(1)
            held = LogisticParameters(
                parameters.mean.detach(), parameters.log_scale.detach().clamp(NARROWEST_LOG_SCALE)
            )
            z = self.tiles.cut(number, latents[number], corner)
            moved = logistic_bits(z, held, *(tail.detach() for tail in tails))
            soft = soft + (moved * counted).flatten(1).sum(1)
        return hard / CONTEXT_TILE**2, soft / CONTEXT_TILE**2

    def _counted(self, channels: int, gray: Tensor) -> Tensor:
        """Return `(N, C, 1, 1)` of ones, zero for a gray picture's chroma: the last two thirds."""
        counted = torch.ones(len(gray), channels, device=gray.device)
        if self.gray_apart:
            counted[:, channels // 3 :] *= ~gray[:, None]
        return counted[:, :, None, None]

    def _step_optimiser(self, number: int, remaining: float) -> list[float]:
        """Take one step, transform and prior clipped apart; returns their gradients' norms."""
        norms = []
        for group, highest in zip(self.optimiser.param_groups, self.rates, strict=True):
            norms.append(float(nn.utils.clip_grad_norm_(group["params"], 1.0)))
            group["lr"] = learning_rate(highest, number, remaining)
        self.optimiser.step()
        return norms
