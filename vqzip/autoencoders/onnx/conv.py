"""The convolutional transform in ONNX Runtime."""

from __future__ import annotations

from collections.abc import Sequence

from vqzip.autoencoders.config import ConvTransformConfig
from vqzip.autoencoders.onnx.conv_graphs import analysis, latent, synthesis
from vqzip.autoencoders.onnx.session import Network
from vqzip.autoencoders.onnx.weights import Weights
from vqzip.autoencoders.transform import NO_PICTURES, Floats, Part
from vqzip.errors import ModelError
from vqzip.hierarchy import LevelConfig


class OnnxConv:
    """A `Transform` of residual networks.

    Args:
        config: widths.
        levels: coarse first.
        weights: of the transform.

    Raises:
        ModelError: weights and configuration do not fit.
    """

    conditional = True

    def __init__(
        self, config: ConvTransformConfig, levels: Sequence[LevelConfig], weights: Weights
    ) -> None:
        self._analysis = Network(analysis(weights, config, levels))
        self._latents = [
            Network(latent(weights, config, levels, number)) for number in range(len(levels))
        ]
        self._synthesis = Network(synthesis(weights, config, levels))

    def analyze(self, pixels: Floats, step: float) -> ConvAnalysis:
        """See `Transform`."""
        del step
        return ConvAnalysis(self._latents, self._analysis([pixels]))

    def synthesize(self, quantized: Sequence[Floats], step: float, part: Part) -> Floats:
        """See `Transform`."""
        del step
        (pixels,) = self._synthesis(quantized)
        return pixels[:, part[0], part[1]]

    def reduced(self, quantized: Sequence[Floats], step: float, part: Part) -> Floats:
        """See `Transform`; no level of these networks is a picture."""
        del quantized, step, part
        raise ModelError(NO_PICTURES)


class ConvAnalysis:
    """An `Analysis`: features of every level, and the quantized latents of the levels taken so far.

    Args:
        latents: the network of each level.
        features: of each level.
    """

    def __init__(self, latents: Sequence[Network], features: list[Floats]) -> None:
        self._latents, self._features = latents, features
        self._quantized: list[Floats] = []

    def latents(self, level: int) -> Floats:
        """See `Analysis`."""
        (z_e,) = self._latents[level]([self._features[level], *self._quantized[:level]])
        return z_e

    def take(self, level: int, quantized: Floats) -> None:
        """See `Analysis`."""
        del level
        self._quantized.append(quantized)
