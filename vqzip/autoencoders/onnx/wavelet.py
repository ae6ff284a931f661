"""The wavelet transform on arrays, with its networks in ONNX Runtime."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from vqzip.autoencoders.config import RefinerConfig, WaveletTransformConfig
from vqzip.autoencoders.onnx.lifting import joined, pixels_of, planes_of, split
from vqzip.autoencoders.onnx.session import Network
from vqzip.autoencoders.onnx.wavelet_graphs import masking, predictor, refiner, step_features
from vqzip.autoencoders.onnx.weights import Weights
from vqzip.autoencoders.spec import (
    BLOCK,
    LARGEST_COMPRESSED,
    LARGEST_LOG_GAIN,
    LARGEST_LOG_KNEE,
    refiner_reach,
    subbands,
)
from vqzip.autoencoders.transform import Floats, Part


@dataclass(frozen=True)
class Scale:
    """Converts the subbands of a level to latents and back; `wavelet.gains.Scale` is the same in torch.

    Args:
        gain: step of the subband in steps of the quantizer; broadcasts to the subbands.
        knee: magnitude from which on steps grow in proportion to it, `(subbands, 1, 1)`.
        prediction: of the subbands; latents are the differences to it.
    """

    gain: Floats | None = None
    knee: Floats | None = None
    prediction: Floats | None = None

    def latents(self, bands: Floats) -> Floats:
        """Return the latents."""
        z = bands if self.prediction is None else bands - self.prediction
        if self.gain is not None:
            z = z / self.gain
        return z if self.knee is None else self.knee * np.arcsinh(z / self.knee)

    def subbands(self, latents: Floats) -> Floats:
        """Undo `latents`."""
        rest = latents
        if self.knee is not None:
            limited = np.clip(rest / self.knee, -LARGEST_COMPRESSED, LARGEST_COMPRESSED)
            rest = self.knee * np.sinh(limited)
        if self.gain is not None:
            rest = rest * self.gain
        return rest if self.prediction is None else rest + self.prediction


class LevelGains:
    """Gains and knees of one level.

    Args:
        weights: of the level.
        channels: subbands.
        width: of the network that computes gains from the low band; 0 for no network and no knees.
    """

    def __init__(self, weights: Weights, channels: int, width: int) -> None:
        self._bands = weights.layer("bands", channels, 2)
        self._knees = weights.layer("knees", channels, 2) if width else None
        self._masking = (
            Network(masking(weights.part("masking"), self._bands, width)) if width else None
        )

    def scale(self, low: Floats | None, step: float, prediction: Floats | None) -> Scale:
        """Return the scale of a level.

        Args:
            low: `(3, h, w)` picture that the coarser levels make, in pixel values; None for the
                coarsest level.
            step: of the grids.
            prediction: of the subbands, if there is one.
        """
        condition = step_features(step)
        if self._masking is None or low is None:
            gain = np.exp(_limited(self._bands, condition, -LARGEST_LOG_GAIN, LARGEST_LOG_GAIN))
        else:
            (gain,) = self._masking([low], step)
        if self._knees is None:
            return Scale(gain, None, prediction)
        knee = np.exp(_limited(self._knees, condition, 0, LARGEST_LOG_KNEE))
        return Scale(gain, knee, prediction)


def _limited(layer: tuple[Floats, Floats], x: Floats, least: float, most: float) -> Floats:
    """Return the clipped product of a matrix and a vector, as `(outputs, 1, 1)`."""
    weight, bias = layer
    made: Floats = np.clip(weight @ x + bias, np.float32(least), np.float32(most))
    return made[:, None, None]


class OnnxWavelet:
    """A `Transform`: the wavelet, and the networks around and inside it.

    Args:
        config: number of decompositions, networks.
        weights: of the transform.

    Raises:
        ModelError: weights and configuration do not fit.
    """

    def __init__(self, config: WaveletTransformConfig, weights: Weights) -> None:
        self._decompositions = config.decompositions
        self._before = _refiner(weights.part("before"), config.before)
        self._after = _refiner(weights.part("after"), config.after)
        self._reach = refiner_reach(config.after)
        channels = subbands(config)
        self._gains: list[LevelGains] = []
        width = config.gains.width if config.gains is not None else 0
        for number, bands in enumerate(channels if config.gains is not None else ()):
            part = weights.part(f"gains.levels.{number}")
            self._gains.append(LevelGains(part, bands, width if number else 0))
        self._predictors = {
            p.stride: Network(predictor(weights.part(f"predictors.{p.stride}"), p, channels[-1]))
            for p in config.predictors
        }
        self.conditional = width > 0 or bool(config.predictors)

    def analyze(self, pixels: Floats, step: float) -> WaveletAnalysis:
        """See `Transform`."""
        planes = planes_of(pixels)
        if self._before is not None:
            (planes,) = self._before([planes], step)
        return WaveletAnalysis(self, split(planes, self._decompositions), step)

    def synthesize(self, quantized: Sequence[Floats], step: float, part: Part) -> Floats:
        """See `Transform`."""
        low = self._low_band(quantized, step)
        rows, columns = part
        if self._after is None:
            return pixels_of(low[:, rows, columns])
        # The wavelet reaches much farther than the network, which takes most of the time.
        above, height = _around(rows, self._reach, low.shape[1])
        left, width = _around(columns, self._reach, low.shape[2])
        (refined,) = self._after([low[:, above : above + height, left : left + width]], step)
        top, start = rows.start - above, columns.start - left
        bottom, end = rows.stop - above, columns.stop - left
        return pixels_of(refined[:, top:bottom, start:end])

    def reduced(self, quantized: Sequence[Floats], step: float, part: Part) -> Floats:
        """See `Transform`: a low band is the picture at that size, without the network after it."""
        low = self._low_band(quantized, step)
        halvings = self._decompositions - len(quantized) + 1
        return pixels_of(low[:, part[0], part[1]] * np.float32(0.5**halvings))

    def _low_band(self, quantized: Sequence[Floats], step: float) -> Floats:
        """Return the picture of some coarse levels, as large as the next level."""
        low: Floats | None = None
        for level, latents in enumerate(quantized):
            low = self.finer(low, self.scale(level, low, step).subbands(latents))
        assert low is not None  # noqa: S101  every model has a level
        return low

    def scale(self, level: int, low: Floats | None, step: float) -> Scale:
        """Return the scale of a level.

        Args:
            level: number of the level.
            low: the result of `finer` for the levels before; None for the first.
            step: of the grids.
        """
        prediction = self._prediction(level, low, step)
        if not self._gains:
            return Scale(prediction=prediction)
        if low is not None:
            # The amplitude of the low band doubles with every decomposition, but gains see pixel values.
            low = low * np.float32(0.5 ** (self._decompositions - level + 1))
        return self._gains[level].scale(low, step, prediction)

    def finer(self, low: Floats | None, bands: Floats) -> Floats:
        """Return the next finer low band from a low band and its details; the coarsest level is a low band itself."""
        return bands if low is None else joined(low, bands)

    def _prediction(self, level: int, low: Floats | None, step: float) -> Floats | None:
        predict = self._predictors.get(1 << max(0, self._decompositions - level + 1))
        if low is None or predict is None:
            return None
        (predicted,) = predict([low], step)
        return predicted


class WaveletAnalysis:
    """An `Analysis`: subbands, and the picture from the levels taken so far.

    Args:
        transform: computes scales.
        bands: subbands of every level, coarse first.
        step: of the grids.
    """

    def __init__(self, transform: OnnxWavelet, bands: list[Floats], step: float) -> None:
        self._transform, self._bands, self._step = transform, bands, step
        self._low: Floats | None = None
        self._scale = Scale()

    def latents(self, level: int) -> Floats:
        """See `Analysis`."""
        self._scale = self._transform.scale(level, self._low, self._step)
        return self._scale.latents(self._bands[level])

    def take(self, level: int, quantized: Floats) -> None:
        """See `Analysis`."""
        del level
        self._low = self._transform.finer(self._low, self._scale.subbands(quantized))


def _around(part: slice, reach: int, length: int) -> tuple[int, int]:
    """Return first and number of the samples that a network must see for a part, in whole blocks."""
    first = max(0, part.start - reach) // BLOCK * BLOCK
    return first, min(length, -(-(part.stop + reach) // BLOCK) * BLOCK) - first


def _refiner(weights: Weights, config: RefinerConfig | None) -> Network | None:
    return None if config is None else Network(refiner(weights, config))
