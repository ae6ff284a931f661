"""The CDF 9/7 wavelet in an orthonormal color basis, and the networks around it: pixels to latents.

Lifting factorization of Daubechies and Sweldens (1998), the one of JPEG 2000's irreversible path,
with symmetric extension at the picture's borders. Subbands are scaled to unit norm as nearly as a
biorthogonal transform can be, so that one quantizer step serves every subband.
"""

from __future__ import annotations

from dataclasses import replace
from typing import cast

import torch
from torch import Tensor, nn

from vqzip.autoencoders.config import WaveletTransformConfig
from vqzip.autoencoders.spec import (
    CENTER,
    COLOR_BASIS,
    LOW_GAIN,
    PREDICT_1,
    PREDICT_2,
    UPDATE_1,
    UPDATE_2,
    refiner_reach,
    subbands,
    wavelet_reach,
)
from vqzip.autoencoders.wavelet.gains import Gains, Scale
from vqzip.autoencoders.wavelet.predictor import Predictor
from vqzip.autoencoders.wavelet.refiner import Refiner
from vqzip.errors import ModelError


def _orthonormal(rows: tuple[tuple[float, ...], ...]) -> Tensor:
    """Return the nearest orthonormal matrix (polar decomposition), float32 `(3, 3)`."""
    u, _, vh = torch.linalg.svd(torch.tensor(rows, dtype=torch.float64))
    nearest: Tensor = u @ vh
    return nearest.float()


def _split(x: Tensor, dim: int) -> tuple[Tensor, Tensor]:
    """Return the even and the odd samples of an axis."""
    pairs = torch.unflatten(x, dim, (-1, 2))
    return pairs.select(dim + 1, 0), pairs.select(dim + 1, 1)


def _next(x: Tensor, dim: int) -> Tensor:
    """Return x[i + 1]; the last is repeated (symmetric extension of the even samples)."""
    n = x.shape[dim]
    return torch.cat([x.narrow(dim, 1, n - 1), x.narrow(dim, n - 1, 1)], dim)


def _previous(x: Tensor, dim: int) -> Tensor:
    """Return x[i - 1]; the first is repeated (symmetric extension of the odd samples)."""
    n = x.shape[dim]
    return torch.cat([x.narrow(dim, 0, 1), x.narrow(dim, 0, n - 1)], dim)


def analyze_axis(x: Tensor, dim: int) -> tuple[Tensor, Tensor]:
    """Split an axis of even length into low and high band, each half as long.

    Args:
        x: any shape.
        dim: number of the axis, counted from the front.
    """
    low, high = _split(x, dim)
    high = high + PREDICT_1 * (low + _next(low, dim))
    low = low + UPDATE_1 * (high + _previous(high, dim))
    high = high + PREDICT_2 * (low + _next(low, dim))
    low = low + UPDATE_2 * (high + _previous(high, dim))
    return low * LOW_GAIN, high / LOW_GAIN


def synthesize_axis(low: Tensor, high: Tensor, dim: int) -> Tensor:
    """Undo `analyze_axis`."""
    low, high = low / LOW_GAIN, high * LOW_GAIN
    low = low - UPDATE_2 * (high + _previous(high, dim))
    high = high - PREDICT_2 * (low + _next(low, dim))
    low = low - UPDATE_1 * (high + _previous(high, dim))
    high = high - PREDICT_1 * (low + _next(low, dim))
    return torch.stack([low, high], dim + 1).flatten(dim, dim + 1)


def _mix(equation: str, color: Tensor, x: Tensor) -> Tensor:
    """Change the color basis; always in float32, because bfloat16 cannot represent pixel values."""
    with torch.autocast(x.device.type, enabled=False):
        return torch.einsum(equation, color, x)


class WaveletTransform(nn.Module):
    """Pixels to `decompositions + 1` latents and back.

    Level 0 is the coarsest picture, `(N, 3, h, w)`; level l the details of decomposition
    `decompositions - l`, `(N, 9, h, w)`: color-major, in a color LH (horizontal low), HL, HH. The
    wavelet itself is fixed; the networks before and after it and the gains are learned.

    Args:
        config: number of decompositions, networks.
    """

    color: Tensor

    def __init__(self, config: WaveletTransformConfig) -> None:
        super().__init__()
        self.decompositions = config.decompositions
        self.register_buffer("color", _orthonormal(COLOR_BASIS), persistent=False)
        self.before = None if config.before is None else Refiner(config.before)
        self.after = None if config.after is None else Refiner(config.after)
        self.gains = None if config.gains is None else Gains(config.gains, subbands(config))
        self.predictors = nn.ModuleDict({str(p.stride): Predictor(p) for p in config.predictors})
        self.analysis_reach = wavelet_reach(config) + refiner_reach(config.before)
        self.synthesis_reach = wavelet_reach(config) + refiner_reach(config.after)
        masked = self.gains is not None and self.gains.masked
        self.conditional = masked or bool(config.predictors)

    def start(self) -> None:
        """Make the networks the identity and every gain 1, for the start of training."""
        for refiner in (self.before, self.after):
            if refiner is not None:
                refiner.start_as_identity()
        for level in self.gains.levels if self.gains is not None else ():
            level.start_at_one()
        for predictor in self.predictors.values():
            cast("Predictor", predictor).start_at_zero()

    def analyze(self, pixels: Tensor, step: Tensor) -> list[Tensor]:
        """Return the subbands of every level, coarse first.

        Args:
            pixels: `(N, 3, H, W)` float32, 0 to 255; sides are multiples of `2**decompositions`.
            step: `(N,)` of the quantizer in pixel values.
        """
        return self.split(self.prepared(self.planes(pixels), step))

    def planes(self, pixels: Tensor) -> Tensor:
        """Return pixels around zero in the color basis, `(N, 3, H, W)`."""
        return _mix("ck,nkhw->nchw", self.color, pixels - CENTER)

    def prepared(self, planes: Tensor, step: Tensor) -> Tensor:
        """Return the input of the wavelet, of the same shape."""
        prepared: Tensor = planes if self.before is None else self.before(planes, step)
        return prepared

    def split(self, planes: Tensor) -> list[Tensor]:
        """Return the subbands of planes, coarse first."""
        x, details = planes, []
        for _ in range(self.decompositions):
            low, high = analyze_axis(x, 3)
            x, lh = analyze_axis(low, 2)
            hl, hh = analyze_axis(high, 2)
            details.append(torch.stack([lh, hl, hh], 2).flatten(1, 2))
        return [x, *reversed(details)]

    def latent(
        self, level: int, features: list[Tensor], quantized: list[Tensor], step: Tensor
    ) -> Tensor:
        """Return the latents of a level: its subbands minus their prediction, divided by their gains."""
        if self.gains is None and not self.predictors:
            return features[level]
        low = self._low_band(quantized[:level], step) if self.conditional else None
        return self.scale(level, low, step).latents(features[level])

    def synthesize(self, quantized: list[Tensor], step: Tensor) -> Tensor:
        """Return pixels `(N, 3, H, W)`, not clipped, from the latents of every level.

        Args:
            quantized: latents of all levels.
            step: `(N,)` that they were quantized with.
        """
        return self.to_pixels(self._picture(quantized, step), step)

    def reduced(self, quantized: list[Tensor], step: Tensor) -> Tensor:
        """Return pixels at the size of the finest low band, `(N, 3, h, w)`, not clipped.

        Args:
            quantized: latents of the first levels.
            step: `(N,)` that they were quantized with.
        """
        low = self._picture(quantized, step) / 2 ** (self.decompositions - len(quantized) + 1)
        return _mix("ck,nchw->nkhw", self.color, low) + CENTER

    def scale(self, level: int, low: Tensor | None, step: Tensor) -> Scale:
        """Return the scale of a level.

        Args:
            level: number of the level.
            low: the result of `finer` for the levels before; None for the first.
            step: `(N,)`.
        """
        scale = Scale(step.new_ones(()))
        if self.gains is not None:
            # The amplitude of the low band doubles with every decomposition, but gains see pixel values.
            seen = None if low is None else low / 2 ** (self.decompositions - level + 1)
            scale = self.gains.levels[level](seen, step)
        return replace(scale, prediction=self.prediction(level, low, step))

    def prediction(self, level: int, low: Tensor | None, step: Tensor) -> Tensor | None:
        """Return the predicted subbands of a level, or None if there is no predictor."""
        stride = 2 ** min(self.decompositions, self.decompositions - level + 1)
        if low is None or str(stride) not in self.predictors:
            return None
        predicted: Tensor = self.predictors[str(stride)](low, step)
        return predicted

    def finer(self, low: Tensor | None, subbands: Tensor) -> Tensor:
        """Return the next low band `(N, 3, 2h, 2w)` from a low band and its details `(N, 9, h, w)`.

        Without a low band, the subbands are the coarsest low band, and are returned.
        """
        if low is None:
            return subbands
        lh, hl, hh = torch.unflatten(subbands, 1, (3, 3)).unbind(2)
        return synthesize_axis(synthesize_axis(low, lh, 2), synthesize_axis(hl, hh, 2), 3)

    def to_pixels(self, picture: Tensor, step: Tensor) -> Tensor:
        """Return pixels `(N, 3, H, W)` of the finest low band."""
        if self.after is not None:
            picture = self.after(picture, step)
        return _mix("ck,nchw->nkhw", self.color, picture) + CENTER

    def _picture(self, quantized: list[Tensor], step: Tensor) -> Tensor:
        low = self._low_band(quantized, step)
        if low is None:
            raise ModelError("a picture needs at least the codes of its first level.")
        return low

    def _low_band(self, quantized: list[Tensor], step: Tensor) -> Tensor | None:
        """Return the picture of some coarse levels, as large as the next level."""
        low: Tensor | None = None
        for level, latent in enumerate(quantized):
            low = self.finer(low, self.scale(level, low, step).subbands(latent))
        return low
