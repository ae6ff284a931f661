"""Phase 3: transform and prior together, by the rate and the distortion of the codes chosen.

The loss is that of learned image compression: distortion over lambda plus rate (Balle et al. 2017,
equation 7), at random quantizer steps, so that one model serves every quality. Codes are chosen as in the
encoder, by rate and distortion under the prior.

A code changes only when its latent crosses the point where another code becomes cheaper: the code tips
there. The straight-through gradient (van den Oord 2017, section 3.2) is correct on average if latents are
spread evenly. But nearly all codes are zero, and with it the networks learn to shift whole subbands within
their dead zone, which stays invisible until the shift is large enough to tip codes. So the gradient passes
only near the points where codes tip, in a narrow window, with a weight that grows as the window shrinks. The
slope of the error passes on both sides of the point, because tipping changes the squared error by the mean of
the slopes at both codes. The slope of the bits is the difference of the two code lengths.

This gradient holds the output of the prior fixed, so it ignores that larger gains also make the neighboring
codes cheaper. This matters most for the constants of the gains, so their slope is measured instead: the
constants of one level, luma or chroma, are moved up and down, and the costs are compared. That is far less
noisy than moving all constants at once (Spall 1992, equation 2.2).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import torch
from torch import Tensor, nn
from torch.nn import functional

from vqzip.autoencoders.discrete import Vqvae
from vqzip.autoencoders.residual import log_step_features
from vqzip.autoencoders.spec import BLOCK, COLOR_BASIS, DEADZONE_ROUNDING
from vqzip.autoencoders.wavelet.gains import Scale
from vqzip.autoencoders.wavelet.transform import WaveletTransform
from vqzip.errors import RecipeError
from vqzip.hierarchy import CONTEXT_TILE
from vqzip.prior.float.grids import logistic_parameters
from vqzip.prior.float.logistic_head import LogisticParameters, logistic_bits
from vqzip.prior.float.pixelcnn import PixelCnn
from vqzip.training.grid_phases import random_steps, step_groups
from vqzip.training.image_sources import CropSource
from vqzip.training.losses import DISTORTIONS
from vqzip.training.phases import LOWEST_BPP, ContextTiles, PriorTraining, autocast
from vqzip.training.recipe import JointPhaseConfig, Recipe

SMALLEST_COST = 0.01
"""Bits per pixel added to the cost of a crop before the logarithm, so that flat crops do not dominate."""

GAINS_RATE = 4.0
"""Learning rate of gains relative to the networks: they have few weights, each with a large effect."""

NUDGE = 0.2
"""Change of a log gain when slopes are measured; large enough to change many codes."""

NUDGED_EVERY = 4
"""Slopes are measured once in this many steps, because they take two more passes."""

CONSTANTS_RATE = 16.0
"""Learning rate of the constants relative to the networks: each slope is measured rarely."""

PATTERN_PRICE = 1.0
"""Weight of the pattern that a network before the wavelet adds to every block of 4 x 4 pixels, in squared
steps.

The network after the wavelet can remove the same pattern, so the pattern is useless, but nothing prevents
both from drifting at random until they no longer match. MS-SSIM hardly sees the drift of brightness.
"""

TIPPING_WIDTH = 0.1
"""Distance in steps from a tipping point within which codes pass the gradient."""


@dataclass(frozen=True)
class Chosen:
    """Codes of a level, and how they change when their latents move.

    Args:
        codes: float, `(N, C, h, w)`.
        follow: number of codes that tip for each step of the latent, of the same shape.
        bits: change of the code length for each step of the latent, of the same shape.
    """

    codes: Tensor
    follow: Tensor
    bits: Tensor

    def drawn(self, latents: Tensor, z_q: Tensor) -> Tensor:
        """Return `z_q`; its gradient reaches latents near tipping points."""
        return z_q + self.follow * (latents - latents.detach())

    def tipped_bits(self, latents: Tensor) -> Tensor:
        """Return zeros of the shape of the latents, with the gradient of the code length."""
        return self.bits * (latents - latents.detach())


def choose_codes(
    latents: Tensor, parameters: LogisticParameters, tails: tuple[Tensor, Tensor], price: float
) -> Chosen:
    """Return codes by rate and distortion: the nearest, the next one toward zero, or zero.

    A code follows its latent within `TIPPING_WIDTH` of a tipping point, with weights whose integral over
    each point is 1. Their sum over a subband estimates how many codes tip when all latents move by a step.

    Args:
        latents: `(N, C, H, W)` in steps.
        parameters: of the prior, of the same shape.
        tails: share and width of the prior's second logistic.
        price: of a bit, in squared steps.
    """
    codes = torch.zeros_like(latents)
    # All other codes are zero, far from any tipping point.
    at = (latents.abs() > 0.5 - TIPPING_WIDTH).nonzero(as_tuple=True)
    z = latents[at]
    near = z.sign() * z.abs().round().clamp(min=1)
    here = LogisticParameters(parameters.mean[at], parameters.log_scale[at])
    sign = near.sign()
    candidates = torch.stack([near, near - sign, torch.zeros_like(near), near + sign])
    bits = torch.stack([logistic_bits(candidate, here, *tails) for candidate in candidates])
    cost = (candidates - z).square() + price * bits
    best = cost[:3].argmin(0, keepdim=True)
    codes[at] = candidates.gather(0, best)[0] * (z.abs() > 0.5)
    # The difference of the costs of two neighbors changes by 2 when the latent moves by 1.
    to_lower, to_higher = (cost[1] - cost[0]) / 2, (cost[3] - cost[0]) / 2
    to_lower = torch.where(z.abs() > 0.5, to_lower, torch.minimum(to_lower, z.abs() - 0.5))
    distance = torch.stack([to_lower, to_higher]).abs()
    weights = (1 - distance / TIPPING_WIDTH).clamp(min=0) / TIPPING_WIDTH
    tipped = weights * sign * torch.stack([bits[0] - bits[1], bits[3] - bits[0]])
    follow, slope = torch.zeros_like(codes), torch.zeros_like(codes)
    follow[at], slope[at] = weights.sum(0), tipped.sum(0)
    return Chosen(codes, follow, slope)


def common_pattern(change: Tensor, step: Tensor) -> Tensor:
    """Return the pattern that is added to all blocks of 4 x 4 pixels: `(N,)` squared steps, summed over colors.

    Args:
        change: change of the planes, `(N, C, H, W)` in pixel values.
        step: `(N,)` of the quantizer.
    """
    pattern = functional.pixel_unshuffle(change / step[:, None, None, None], BLOCK).mean((2, 3))
    return pattern.square().sum(1) / BLOCK**2


@dataclass(frozen=True)
class Crops:
    """A batch of crops with margins.

    Args:
        pixels: `(N, 3, H, W)`, 0 to 255.
        gray: `(N,)` bool, gray pictures.
        step: `(N,)` of the quantizer.
        corner: (row, column) of the context tile in every crop.
    """

    pixels: Tensor
    gray: Tensor
    step: Tensor
    corner: tuple[int, int]


class JointPhase(PriorTraining):
    """Trains the transform and the prior on random crops.

    Args:
        name: of the phase, for the log and the user.
        config: of the phase.
        recipe: the whole recipe.
        vqvae: a wavelet with networks.
        prior: the float network.
        source: source of crops.
        device: where to train.

    Raises:
        RecipeError: the transform lacks a part that the phase should train.
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
        # The codes are constant while only later networks learn.
        self.codes_move = bool({"before", "gains", "predictors"} & set(config.learn))
        self.prior_learns = config.prior_learning_rate > 0
        if not isinstance(vqvae.transform, WaveletTransform):
            raise RecipeError(f"recipe '{recipe.name}': a joint phase needs a wavelet transform.")
        self.transform = vqvae.transform
        self.seed = recipe.seed
        modules = {name: self._part(name) for name in config.learn}
        gains = self.transform.gains if "gains" in modules else None
        self.constants = [] if gains is None else [level.bands for level in gains.levels]
        networks = [part for name, part in modules.items() if name != "gains"]
        constants = [p for linear in self.constants for p in linear.parameters()]
        apart = {id(p) for p in constants}
        masking = [] if gains is None else [p for p in gains.parameters() if id(p) not in apart]
        parts = [
            ([p for network in networks for p in network.parameters()], config.learning_rate),
            (masking, GAINS_RATE * config.learning_rate),
            (constants, CONSTANTS_RATE * config.learning_rate),
            (list(prior.parameters()), config.prior_learning_rate),
        ]
        self.rates = [rate for parameters, rate in parts if parameters and rate]
        groups = [{"params": parameters} for parameters, rate in parts if parameters and rate]
        self.optimizer = torch.optim.Adam(groups, lr=self.config.learning_rate)

    def _part(self, name: str) -> nn.Module:
        """Return a part of the transform that the phase trains."""
        part: nn.Module | None = getattr(self.transform, name)
        if part is None or not list(part.parameters()):
            raise RecipeError(
                f"phase {self.name} should train '{name}', which the transform lacks; add it."
            )
        return part

    def step(self, number: int, remaining: float) -> dict[str, float]:
        """Take one step on a batch of crops."""
        pixels, gray = self.source.batch(self.stream, number, self.config.batch, self.side)
        generator = torch.Generator().manual_seed(self.seed * 1_000_003 + number)
        step = random_steps(self.config, generator).to(self.device)
        corner = self.tiles.corner(generator)
        crops = Crops(pixels.to(self.device), gray.to(self.device), step, corner)
        with autocast(self.device, wanted=self.config.bfloat16):
            planes = self.transform.planes(crops.pixels)
            prepared = self.transform.prepared(planes, step)
            features = self.transform.split(prepared)
            chosen = self._codes(features, crops)
            x_hat, tipped = self._drawn(features, chosen, crops)
        distortion = self._distortion(x_hat, crops)
        rate = torch.zeros_like(step)
        if self.codes_move or self.prior_learns:
            rate = self._rate(chosen, crops)
        # The prior learns code lengths of given codes; the transform learns which codes there are.
        cost = self._cost(distortion, rate.detach() + tipped, step).mean()
        code_length = torch.log(LOWEST_BPP + rate).mean()
        pattern = common_pattern(prepared - planes, step).mean()
        self.optimizer.zero_grad(set_to_none=True)
        torch.autograd.backward(cost + code_length + PATTERN_PRICE * pattern)
        for linear in self.constants:
            linear.zero_grad(set_to_none=True)
        if self.constants and number % NUDGED_EVERY == 0:
            self._measure_slopes(features, crops, generator)
        norms = step_groups(self.optimizer, self.rates, number, remaining)
        metrics = {"loss": cost.item(), "distortion": distortion.mean().item()}
        if self.codes_move:
            metrics["pattern"] = pattern.item()
        if self.codes_move or self.prior_learns:
            metrics["code_length_bpp"] = rate.mean().item()
        return {**metrics, "gradient": norms[0]}

    def _cost(self, distortion: Tensor, rate: Tensor, step: Tensor) -> Tensor:
        """Return log(distortion / lambda + rate) of each crop, `(N,)`."""
        price = self.config.rate_weight * (step / 100) ** self.config.rate_exponent
        return torch.log(SMALLEST_COST + distortion / price + rate)

    def _distortion(self, x_hat: Tensor, crops: Crops) -> Tensor:
        gray = crops.gray[:, None, None, None]
        return self.distortion(torch.where(gray, x_hat.mean(1, keepdim=True), x_hat), crops.pixels)

    def _measure_slopes(
        self, features: list[Tensor], crops: Crops, generator: torch.Generator
    ) -> None:
        """Set the gradient of some constants of the gains, measured on these crops."""
        signs = self.nudged_signs(len(crops.step), generator)
        with torch.no_grad(), autocast(self.device, wanted=self.config.bfloat16):
            costs = []
            for nudge in (NUDGE, -NUDGE):
                nudges = [nudge * sign for sign in signs]
                chosen = self._codes(features, crops, nudges)
                x_hat, _ = self._drawn(features, chosen, crops, nudges)
                distortion, rate = self._distortion(x_hat, crops), self._rate(chosen, crops)
                costs.append(self._cost(distortion, rate, crops.step))
        slopes = (costs[0] - costs[1])[:, None] / (2 * NUDGE * len(crops.step))
        condition = log_step_features(crops.step)
        for linear, sign in zip(self.constants, signs, strict=True):
            torch.autograd.backward([linear(condition)], [slopes * sign])

    def nudged_signs(self, count: int, generator: torch.Generator) -> list[Tensor]:
        """Return 1 or -1 for one level's luma or chroma, 0 elsewhere; `(count, subbands)` a level.

        Bands LH and HL of a color move together.
        """
        choices = 2 * len(self.constants)
        level, chroma = divmod(int(torch.randint(choices, (1,), generator=generator)), 2)
        signs = [torch.zeros(count, linear.out_features) for linear in self.constants]
        bands = signs[level].shape[1] // len(COLOR_BASIS)
        random = torch.randint(2, (count, 2), generator=generator) * 2.0 - 1
        for color in (1, 2) if chroma else (0,):
            for band in range(bands):
                signs[level][:, color * bands + band] = random[:, band // 2]
        return [sign.to(self.device) for sign in signs]

    @torch.no_grad()
    def _codes(
        self, features: list[Tensor], crops: Crops, nudges: Sequence[Tensor] = ()
    ) -> list[Chosen]:
        """Return every level's codes: chosen in the context tile, rounded around it.

        Args:
            features: from the transform.
            crops: the crops of these features.
            nudges: changes of every level's log gains, `(N, C)`.
        """
        step, gray, corner = crops.step, crops.gray, crops.corner
        condition = self.prior.conditions(step.log(), gray & self.gray_apart)
        levels: list[Chosen] = []
        low: Tensor | None = None
        state: Tensor | None = None
        for number, quantizer in enumerate(self.vqvae.quantizers):
            scale = self._scale(number, low, step, nudges)
            z = scale.latents(features[number]) / step[:, None, None, None]
            counted = self._counted(z.shape[1], gray)
            codes = z.sign() * (z.abs() + DEADZONE_ROUNDING).floor() * counted
            tile = self.tiles.cut(number, codes, corner)
            rounded = self.prior.features(number, tile.long())
            outputs = self.prior.level_outputs(number, state, rounded, condition)
            parameters = logistic_parameters(self.prior, number, outputs, tile.long())
            chosen = choose_codes(
                self.tiles.cut(number, z, corner),
                parameters,
                self.prior.tails(),
                self.config.bit_price,
            )
            tile.copy_(chosen.codes * counted)
            inputs = self.prior.features(number, tile.long())
            state = self.prior.next_state(number, state, inputs, condition)
            # Codes around the tile cost nothing, so their latents must not follow them either.
            levels.append(Chosen(codes, torch.zeros_like(codes), torch.zeros_like(codes)))
            self.tiles.cut(number, levels[-1].follow, corner).copy_(chosen.follow * counted)
            self.tiles.cut(number, levels[-1].bits, corner).copy_(chosen.bits * counted)
            z_q = quantizer.dequantize(codes[:, :, None].int(), step)
            low = self.transform.finer(low, scale.subbands(z_q))
        return levels

    def _drawn(
        self,
        features: list[Tensor],
        chosen: Sequence[Chosen],
        crops: Crops,
        nudges: Sequence[Tensor] = (),
    ) -> tuple[Tensor, Tensor]:
        """Return pixels of the codes, and zeros `(N,)` with the gradient of the bits a pixel."""
        step = crops.step
        tipped = torch.zeros_like(step)
        low: Tensor | None = None
        for number, (quantizer, level) in enumerate(
            zip(self.vqvae.quantizers, chosen, strict=True)
        ):
            scale = self._scale(number, low, step, nudges)
            z = scale.latents(features[number])
            z_q = level.drawn(z, quantizer.dequantize(level.codes[:, :, None].int(), step))
            low = self.transform.finer(low, scale.subbands(z_q))
            in_steps = z / step[:, None, None, None]
            tipped = tipped + level.tipped_bits(in_steps).flatten(1).sum(1) / CONTEXT_TILE**2
        return self.transform.to_pixels(features[0] if low is None else low, step), tipped

    def _scale(
        self, number: int, low: Tensor | None, step: Tensor, nudges: Sequence[Tensor]
    ) -> Scale:
        """Return the scale of a level with nudged gains."""
        scale = self.transform.scale(number, low, step)
        if not nudges:
            return scale
        gain = scale.gain * nudges[number].exp()[:, :, None, None]
        return replace(scale, gain=gain)

    def _rate(self, chosen: Sequence[Chosen], crops: Crops) -> Tensor:
        """Return bits a pixel `(N,)` of the codes in the context tile; its gradient is the prior's."""
        step, gray, corner = crops.step, crops.gray, crops.corner
        tile = [self.tiles.cut(number, level.codes, corner) for number, level in enumerate(chosen)]
        with torch.set_grad_enabled(self.prior_learns and torch.is_grad_enabled()):
            condition = self.prior.conditions(step.log(), gray & self.gray_apart)
            outputs = self.prior([level.long() for level in tile], condition)
        rate = torch.zeros_like(step)
        for number, level in enumerate(tile):
            parameters = logistic_parameters(self.prior, number, outputs[number], level)
            bits = logistic_bits(level, parameters, *self.prior.tails())
            rate = rate + (bits * self._counted(level.shape[1], gray)).flatten(1).sum(1)
        return rate / CONTEXT_TILE**2

    def _counted(self, channels: int, gray: Tensor) -> Tensor:
        """Return `(N, C, 1, 1)` of ones, zero for a gray picture's chroma: the last two thirds."""
        counted = torch.ones(len(gray), channels, device=gray.device)
        if self.gray_apart:
            counted[:, channels // 3 :] *= ~gray[:, None]
        return counted[:, :, None, None]
