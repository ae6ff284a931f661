"""Transform and prior together, by the rate and the distortion of the codes chosen.

The loss is that of learned image compression: distortion over lambda plus rate (Balle et al. 2017,
equation 7), at random quantizer steps, so that one model serves every quality. Codes are chosen as in the
encoder, by rate and distortion under the prior. `tipping` and `slopes` explain the gradients.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

from vqzip.autoencoders.spec import BLOCK
from vqzip.errors import RecipeError
from vqzip.training.losses import DISTORTIONS, squared_error_sum
from vqzip.training.phases.joint.passes import Crops, JointPasses
from vqzip.training.phases.joint.slopes import measure_slopes, nudged_signs
from vqzip.training.phases.optimizing import (
    LOWEST_BPP,
    autocast,
    distortion_price,
    random_log_steps,
    step_groups,
)
from vqzip.training.phases.phase import NetworksPhase, Setup
from vqzip.training.phases.tiles import ContextTiles
from vqzip.training.recipe.phases import DecoderPhaseConfig, JointPhaseConfig

SMALLEST_COST = 0.01
"""Bits per pixel added to the cost of a crop before the logarithm, so that flat crops do not dominate."""

GAINS_RATE = 4.0
"""Learning rate of gains relative to the networks: they have few weights, each with a large effect."""

NUDGED_EVERY = 4
"""Slopes are measured once in this many steps, because they take two more passes."""

CONSTANTS_RATE = 16.0
"""Learning rate of the constants relative to the networks: each slope is measured rarely."""

SQUARED_PRICE = 1600.0
"""Squared error, summed over colors, that is worth one bit per pixel at a step of 100."""

PATTERN_PRICE = 1.0
"""Weight of the pattern that a network before the wavelet adds to every block of 4 x 4 pixels, in squared
steps.

The network after the wavelet can remove the same pattern, so the pattern is useless, but nothing prevents
both from drifting at random until they no longer match. MS-SSIM hardly sees the drift of brightness.
"""


def common_pattern(change: Tensor, step: Tensor) -> Tensor:
    """Return the pattern that is added to all blocks of 4 x 4 pixels: `(N,)` squared steps, summed over colors.

    Args:
        change: change of the planes, `(N, C, H, W)` in pixel values.
        step: `(N,)` of the quantizer.
    """
    pattern = functional.pixel_unshuffle(change / step[:, None, None, None], BLOCK).mean((2, 3))
    return pattern.square().sum(1) / BLOCK**2


class JointPhase(NetworksPhase):
    """Trains the transform and the prior on random crops.

    Args:
        config: of the phase.
        setup: with a wavelet with networks, and the prior.

    Raises:
        RecipeError: the transform lacks a part that the phase should train.
    """

    stream = 4
    figures: tuple[str, ...] = ("loss", "distortion")

    def __init__(self, config: JointPhaseConfig | DecoderPhaseConfig, setup: Setup) -> None:
        self.name: str = config.kind
        self.config, self.setup = config, setup
        self.steps, self.time_share = config.steps, config.time_share
        self.tiles = ContextTiles(setup.recipe.vqvae, setup.recipe.data.margin)
        self.distortion = DISTORTIONS[config.distortion]
        # The codes are constant while only later networks learn.
        self.codes_move = bool({"before", "gains", "predictors"} & set(config.learn))
        self.prior_learns = config.prior_learning_rate > 0
        self.transform = setup.wavelet(config.kind)
        self.passes = JointPasses(setup, self.transform, config.bit_price)
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
            (list(setup.prior.parameters()), config.prior_learning_rate),
        ]
        self.rates = [rate for parameters, rate in parts if parameters and rate]
        groups = [{"params": parameters} for parameters, rate in parts if parameters and rate]
        self.optimizer = torch.optim.Adam(groups, lr=config.learning_rate)

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
        setup = self.setup
        batch = setup.batch(self.stream, number, self.config.batch, self.tiles.window)
        generator = setup.generator(number)
        step = setup.own(random_log_steps(self.config, generator).exp())
        crops = Crops(batch, step, self.tiles.random(batch, generator))
        with autocast(setup.device, wanted=self.config.bfloat16):
            planes = self.transform.planes(batch.pixels)
            prepared = self.transform.prepared(planes, step)
            features = self.transform.split(prepared)
            chosen = self.passes.codes(features, crops)
            x_hat, tipped = self.passes.decoded(features, chosen, crops)
        distortion = self._distortion(x_hat, crops)
        rate = torch.zeros_like(step)
        if self.codes_move or self.prior_learns:
            rate = self.passes.rate(chosen, crops, learns=self.prior_learns)
        # The prior learns code lengths of given codes; the transform learns which codes there are.
        cost = self._cost(distortion, rate.detach() + tipped, step).mean()
        code_length = torch.log(LOWEST_BPP + rate).mean()
        pattern = common_pattern(prepared - planes, step).mean()
        self.optimizer.zero_grad(set_to_none=True)
        torch.autograd.backward(cost + code_length + PATTERN_PRICE * pattern)
        for linear in self.constants:
            linear.zero_grad(set_to_none=True)
        if self.constants and number % NUDGED_EVERY == 0:
            drawn = nudged_signs(self.constants, self.config.batch, generator)
            signs = [setup.own(sign) for sign in drawn]
            measure_slopes(
                self.constants, step, signs, lambda nudges: self._nudged(features, crops, nudges)
            )
        norms = step_groups(self.optimizer, self.rates, number, remaining, setup.ranks)
        metrics = {"loss": cost.item(), "distortion": distortion.mean().item()}
        if self.codes_move:
            metrics["pattern"] = pattern.item()
        if self.codes_move or self.prior_learns:
            metrics["code_length_bpp"] = rate.mean().item()
        return {**metrics, "gradient": norms[0]}

    def _cost(self, distortion: Tensor, rate: Tensor, step: Tensor) -> Tensor:
        """Return log(distortion / lambda + rate) of each crop, `(N,)`."""
        return torch.log(SMALLEST_COST + distortion / self._price(step) + rate)

    def _price(self, step: Tensor) -> Tensor:
        return distortion_price(self.config.rate_weight, step, self.config.rate_exponent)

    def _distortion(self, x_hat: Tensor, crops: Crops) -> Tensor:
        """Return the distortion of each crop, `(N,)`, with the squared error's part."""
        batch = crops.batch
        gray, pixels = batch.gray[:, None, None, None], batch.inside(batch.pixels)
        x_hat = batch.inside(torch.where(gray, x_hat.mean(1, keepdim=True), x_hat))
        distortion = self.distortion(x_hat, pixels)
        if not self.config.squared_error:
            return distortion
        share = self.config.squared_error * self._price(crops.step)
        squared = squared_error_sum(x_hat, pixels)
        return distortion + share * squared / distortion_price(SQUARED_PRICE, crops.step)

    def _nudged(self, features: list[Tensor], crops: Crops, nudges: list[Tensor]) -> Tensor:
        """Return the cost of each crop with changed log gains, `(N,)`."""
        with autocast(self.setup.device, wanted=self.config.bfloat16):
            chosen = self.passes.codes(features, crops, nudges)
            x_hat, _ = self.passes.decoded(features, chosen, crops, nudges)
            distortion, rate = (
                self._distortion(x_hat, crops),
                self.passes.rate(chosen, crops, learns=False),
            )
            return self._cost(distortion, rate, crops.step)
