"""Refines codes by their effects on the decoded picture and on the code length of later codes.

The encoder's first choice weighs the error of a latent against the bits of its own code. It ignores two effects:
the networks after the quantizer change the cost of an error, and a code is context for the codes after it. Both
have slopes: the slope of the squared error of the decoded picture with respect to every dequantized latent, and
the slope of the whole code length with respect to every input of the prior. A code moves by one if the sum of all
effects is negative, in squared steps:

    slope of the error * change + change^2 + lambda * (own bits + slope of the bits * change of the inputs)

The transform is nearly orthonormal, so the second derivative of the error is 2 for every latent. The interaction
of two codes is ignored. So only a random share of the codes moves in a round, then slopes are computed again, and
the best codes of all rounds are kept. The objective is that of stochastic Gumbel annealing (Yang, Bamler
and Mandt 2020, equation 4); here the steps are whole codes, and a few rounds are enough.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from vqzip.autoencoders.arithmetic import own_arithmetic
from vqzip.autoencoders.discrete import Vqvae
from vqzip.codec.effort import REFERENCE_PRICE
from vqzip.codec.progress import Progress, Steps
from vqzip.codec.refinement_parts import Part, from_context_tiles, part_of, to_context_tiles
from vqzip.codec.tile_streams import put_tile
from vqzip.codec.tiles import stream_tiles
from vqzip.codes import Codes
from vqzip.models.folder import Model
from vqzip.models.learned import load_float_prior, load_vqvae
from vqzip.prior.float.grids import grid_features, logistic_parameters
from vqzip.prior.float.logistic_head import LogisticParameters, logistic_bits
from vqzip.prior.float.pixelcnn import PixelCnn

MOVING_SHARE = 0.35
"""Share of the codes that may move in a round: neighbors that move together cancel each other's gain."""

SMALLEST_GAIN = 0.01
"""Smallest expected gain of a move, in squared steps."""

TILES_AT_ONCE = 4
"""Context tiles whose code length is differentiated together; this bounds the memory."""


@dataclass(frozen=True)
class Slopes:
    """Effects of a small change of each code of a level, all `(1, C, h, w)`.

    Args:
        error: on the squared error of the picture, in squared steps per step.
        signed: on the code length in bits, through the signed feature of the code.
        absolute: the same through the absolute feature.
        parameters: of the code's own distribution.
    """

    error: Tensor
    signed: Tensor
    absolute: Tensor
    parameters: LogisticParameters


class Refinement:
    """Refines codes of one model.

    Args:
        vqvae: a wavelet with grids and equal steps.
        prior: its float prior.
        price: of a bit of the file, in squared steps.
    """

    def __init__(self, vqvae: Vqvae, prior: PixelCnn, price: float) -> None:
        self._vqvae = vqvae.eval().requires_grad_(requires_grad=False)
        self._prior = prior.eval().requires_grad_(requires_grad=False)
        self._price = price

    @classmethod
    def of_model(cls, model: Model) -> Refinement:
        """Return the refinement of a model that `check_effort` allows.

        Raises:
            ModelError: the model's folder has no float prior, or is damaged.
        """
        return cls(load_vqvae(model.path), load_float_prior(model), REFERENCE_PRICE)

    @own_arithmetic()
    def refined(
        self,
        pixels: NDArray[np.uint8],
        codes: Codes,
        rounds: int,
        visible: NDArray[np.bool_] | None = None,
        progress: Progress | None = None,
    ) -> Codes:
        """Return codes with a lower cost of error and bits together.

        Args:
            pixels: of the picture, `(H, W, 3)` or `(H, W)`.
            codes: of the same picture, where the search starts.
            rounds: of slopes and moves. A round takes about as long as three decodes with all networks.
            visible: `(H, W)`, the pixels whose error counts; None for all.
            progress: is called with the share of the rounds that are done.
        """
        result = Codes.blank(self._vqvae.config, codes)
        hierarchy = self._vqvae.config
        grid = stream_tiles(codes.width, codes.height)
        steps = Steps(progress, rounds * len(grid))
        for tile in grid:
            part = part_of(hierarchy, pixels, codes, tile, visible)
            maps = []
            for number, level in enumerate(self._search(part, rounds, steps)):
                height, width = hierarchy.shape(number, tile.height, tile.width)
                maps.append(level[0, :, :height, :width].numpy(force=True).astype(np.int32))
            put_tile(result, hierarchy, tile, maps)
        return result

    def _search(self, part: Part, rounds: int, steps: Steps) -> list[Tensor]:
        """Return the cheapest codes of all rounds."""
        generator = torch.Generator().manual_seed(0)
        codes, best, lowest = part.codes, part.codes, math.inf
        for _ in range(rounds):
            cost, slopes = self._slopes(part, codes)
            if cost < lowest:
                best, lowest = codes, cost
            codes = [
                self._moved(number, level, slopes[number], part.free[number], generator)
                for number, level in enumerate(codes)
            ]
            steps.finish()
        cost, _ = self._slopes(part, codes)
        return codes if cost < lowest else best

    @torch.enable_grad()
    def _slopes(self, part: Part, codes: list[Tensor]) -> tuple[float, list[Slopes]]:
        """Return what codes cost, in squared steps, and their slopes."""
        error, by_error = self._error(part, codes)
        bits, by_inputs, parameters = self._bits(part, codes)
        slopes = []
        for level in range(len(codes)):
            signed, absolute = by_inputs[level].chunk(2, 1)
            slopes.append(Slopes(by_error[level], signed, absolute, parameters[level]))
        return error + self._price * bits, slopes

    def _error(self, part: Part, codes: list[Tensor]) -> tuple[float, list[Tensor]]:
        """Return the squared error of the decoded picture in squared steps, and its slopes by the codes."""
        step = torch.tensor([part.step])
        pairs = zip(self._vqvae.quantizers, codes, strict=True)
        quantized = [q.dequantize(level[:, :, None].int(), step) for q, level in pairs]
        for level in quantized:
            level.requires_grad_()
        x_hat = self._vqvae.transform.synthesize(quantized, step).float()
        if part.gray:
            x_hat = x_hat.mean(1, keepdim=True)
        error = ((x_hat - part.pixels).square() * part.weight).sum() / part.step**2
        slopes = torch.autograd.grad(error, quantized)
        return float(error.detach()), [slope * part.step for slope in slopes]

    def _bits(
        self, part: Part, codes: list[Tensor]
    ) -> tuple[float, list[Tensor], list[LogisticParameters]]:
        """Return the code length, its slopes by the prior's inputs, and each code's distribution."""
        strides = [level.stride for level in self._vqvae.config.levels]
        tiles = [to_context_tiles(*pair) for pair in zip(codes, strides, strict=True)]
        free = [to_context_tiles(*pair) for pair in zip(part.free, strides, strict=True)]
        total, inputs, means, scales = 0.0, [], [], []
        for first in range(0, len(tiles[0]), TILES_AT_ONCE):
            some = slice(first, first + TILES_AT_ONCE)
            bits, slopes, parameters = self._bits_of_tiles(
                [t[some] for t in tiles], [f[some] for f in free], part
            )
            total += bits
            inputs.append(slopes)
            means.append([p.mean for p in parameters])
            scales.append([p.log_scale for p in parameters])

        def whole(chunks: Sequence[Sequence[Tensor]]) -> list[Tensor]:
            together = [torch.cat(level) for level in zip(*chunks, strict=True)]
            shapes = (level.shape[-2:] for level in codes)
            return [
                from_context_tiles(t, *shape) for t, shape in zip(together, shapes, strict=True)
            ]

        pairs = zip(whole(means), whole(scales), strict=True)
        return total, whole(inputs), [LogisticParameters(mean, scale) for mean, scale in pairs]

    def _bits_of_tiles(
        self, tiles: list[Tensor], free: list[Tensor], part: Part
    ) -> tuple[float, list[Tensor], list[LogisticParameters]]:
        """Return `_bits` of some context tiles, each level `(T, C, t, t)`."""
        count = len(tiles[0])
        log_step = torch.full((count,), part.step).log()
        gray = torch.full((count,), part.gray and self._prior.config.gray_stages > 0)
        condition = self._prior.conditions(log_step, gray)
        state: Tensor | None = None
        inputs: list[Tensor] = []
        parameters: list[LogisticParameters] = []
        total = torch.zeros(())
        for number, level in enumerate(tiles):
            integers = level.long()
            features = self._prior.features(number, integers).detach().requires_grad_()
            outputs = self._prior.level_outputs(number, state, features, condition)
            own = logistic_parameters(self._prior, number, outputs, integers)
            bits = logistic_bits(level, own, *self._prior.tails())
            total = total + (bits * free[number]).sum()
            state = self._prior.next_state(number, state, features, condition)
            inputs.append(features)
            parameters.append(LogisticParameters(own.mean.detach(), own.log_scale.detach()))
        slopes = torch.autograd.grad(total, inputs)
        return float(total.detach()), list(slopes), parameters

    def _moved(
        self, number: int, codes: Tensor, slopes: Slopes, free: Tensor, generator: torch.Generator
    ) -> Tensor:
        """Return one level's codes after the moves that lower the cost."""
        signed, absolute = grid_features(self._prior, codes.long()).chunk(2, 1)
        own = logistic_bits(codes, slopes.parameters, *self._prior.tails())
        best, moved = torch.full_like(codes, -SMALLEST_GAIN), codes
        # Where inputs are differences to the neighbors' mean, what a code does to others is left out.
        seen = 0.0 if self._prior.config.levels[number].neighbour_mean else 1.0
        for change in (-1.0, 1.0):
            there = codes + change
            new_signed, new_absolute = grid_features(self._prior, there.long()).chunk(2, 1)
            bits = logistic_bits(there, slopes.parameters, *self._prior.tails()) - own
            context = slopes.signed * (new_signed - signed)
            context = context + slopes.absolute * (new_absolute - absolute)
            cost = slopes.error * change + change**2 + self._price * (bits + seen * context)
            better = cost < best
            best, moved = torch.where(better, cost, best), torch.where(better, there, moved)
        drawn = torch.rand(codes.shape, generator=generator) < MOVING_SHARE
        return torch.where(drawn & (free > 0), moved, codes)
