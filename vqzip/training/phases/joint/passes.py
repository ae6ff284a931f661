"""The passes of joint training through transform and prior: choose codes, decode them, count their bits."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from vqzip.autoencoders.spec import DEADZONE_ROUNDING
from vqzip.autoencoders.wavelet.gains import Scale
from vqzip.autoencoders.wavelet.transform import WaveletTransform
from vqzip.prior.float.grids import logistic_parameters
from vqzip.prior.float.logistic_head import logistic_bits
from vqzip.training.data.crops import Batch
from vqzip.training.phases.joint.tipping import Chosen, choose_codes
from vqzip.training.phases.phase import Setup
from vqzip.training.phases.tiles import Tile, coded


@dataclass(frozen=True)
class Crops:
    """A batch of crops with margins, and what was drawn for it.

    Args:
        batch: of crops.
        step: `(N,)` of the quantizer.
        tile: the context tile in every crop.
    """

    batch: Batch
    step: Tensor
    tile: Tile


class JointPasses:
    """What joint training computes of a batch of crops.

    Args:
        setup: with VQ-VAE and prior.
        transform: of the VQ-VAE.
        bit_price: of a bit when codes are chosen, in squared steps.
    """

    def __init__(self, setup: Setup, transform: WaveletTransform, bit_price: float) -> None:
        self._quantizers, self._prior = setup.vqvae.quantizers, setup.prior
        self._hierarchy, self._transform = setup.recipe.vqvae, transform
        self._bit_price = bit_price

    @torch.no_grad()
    def codes(
        self, features: list[Tensor], crops: Crops, nudges: Sequence[Tensor] = ()
    ) -> list[Chosen]:
        """Return every level's codes: chosen in the context tile, rounded around it.

        Args:
            features: from the transform.
            crops: the crops of these features.
            nudges: changes of every level's log gains, `(N, C)`.
        """
        step, gray, tiles = crops.step, crops.batch.gray, crops.tile
        condition = self._prior.conditions(step.log(), gray & self._hierarchy.luma_alone)
        levels: list[Chosen] = []
        low: Tensor | None = None
        state: Tensor | None = None
        for number, quantizer in enumerate(self._quantizers):
            scale = self._scale(number, low, step, nudges)
            z = scale.latents(features[number]) / step[:, None, None, None]
            counted = coded(self._hierarchy, number, gray)
            codes = z.sign() * (z.abs() + DEADZONE_ROUNDING).floor() * counted
            tile = tiles.cut(number, codes)
            rounded = self._prior.features(number, tile.long())
            outputs = self._prior.level_outputs(number, state, rounded, condition)
            parameters = logistic_parameters(self._prior, number, outputs, tile.long())
            chosen = choose_codes(
                tiles.cut(number, z),
                parameters,
                self._prior.tails(),
                self._bit_price,
            )
            tile.copy_(chosen.codes * counted)
            inputs = self._prior.features(number, tile.long())
            state = self._prior.next_state(number, state, inputs, condition)
            # Codes around the tile cost nothing, so their latents must not follow them either.
            levels.append(Chosen(codes, torch.zeros_like(codes), torch.zeros_like(codes)))
            tiles.cut(number, levels[-1].follow).copy_(chosen.follow * counted)
            tiles.cut(number, levels[-1].bits).copy_(chosen.bits * counted)
            z_q = quantizer.dequantize(codes[:, :, None].int(), step)
            low = self._transform.finer(low, scale.subbands(z_q))
        return levels

    def decoded(
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
        for number, (quantizer, level) in enumerate(zip(self._quantizers, chosen, strict=True)):
            scale = self._scale(number, low, step, nudges)
            z = scale.latents(features[number])
            z_q = level.drawn(z, quantizer.dequantize(level.codes[:, :, None].int(), step))
            low = self._transform.finer(low, scale.subbands(z_q))
            in_steps = z / step[:, None, None, None]
            tipped = tipped + level.tipped_bits(in_steps).flatten(1).sum(1) / crops.tile.pixels
        return self._transform.to_pixels(features[0] if low is None else low, step), tipped

    def _scale(
        self, number: int, low: Tensor | None, step: Tensor, nudges: Sequence[Tensor]
    ) -> Scale:
        """Return the scale of a level with nudged gains."""
        scale = self._transform.scale(number, low, step)
        if not nudges:
            return scale
        gain = scale.gain * nudges[number].exp()[:, :, None, None]
        return replace(scale, gain=gain)

    def rate(self, chosen: Sequence[Chosen], crops: Crops, *, learns: bool) -> Tensor:
        """Return bits per pixel `(N,)` of the codes in the context tile.

        Args:
            chosen: every level's codes.
            crops: the crops of these codes.
            learns: whether the prior gets a gradient.
        """
        step, gray, tiles = crops.step, crops.batch.gray, crops.tile
        tile = [tiles.cut(number, level.codes) for number, level in enumerate(chosen)]
        with torch.set_grad_enabled(learns and torch.is_grad_enabled()):
            condition = self._prior.conditions(step.log(), gray & self._hierarchy.luma_alone)
            outputs = self._prior([level.long() for level in tile], condition)
        rate = torch.zeros_like(step)
        for number, level in enumerate(tile):
            parameters = logistic_parameters(self._prior, number, outputs[number], level)
            bits = logistic_bits(level, parameters, *self._prior.tails())
            rate = rate + (bits * coded(self._hierarchy, number, gray)).flatten(1).sum(1)
        return rate / crops.tile.pixels
