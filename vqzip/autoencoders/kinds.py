"""The kinds of transforms and of quantizers: the one place that names what belongs to a `kind` of a configuration.

A new kind is a class here. Networks are imported when they are asked for: reading a configuration needs none.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Protocol

from vqzip.autoencoders import spec
from vqzip.autoencoders.config import ConvTransformConfig, VqvaeConfig, WaveletTransformConfig
from vqzip.errors import ModelError
from vqzip.hierarchy import GridConfig, LevelConfig

if TYPE_CHECKING:
    from vqzip.autoencoders import discrete
    from vqzip.autoencoders.onnx.weights import Weights
    from vqzip.autoencoders.quantizers.coding import CodingQuantizer
    from vqzip.autoencoders.quantizers.quantizer import Learner, Quantizer
    from vqzip.autoencoders.transform import Transform

Levels = Sequence[LevelConfig]


class QuantizerKind(Protocol):
    """What belongs to a kind of quantizers."""

    def coding(self, level: LevelConfig, weights: Weights) -> CodingQuantizer:
        """Return the quantizer of the codec, from the weights of a model folder."""

    def quantizer(self, level: LevelConfig) -> Quantizer:
        """Return the quantizer in torch."""

    def learner(self, quantizer: Any, config: Any) -> Learner:
        """Return what learns the codewords of a quantizer, given a `CodebookLearningConfig`."""


class Codebooks:
    """The nearest codeword of learned codebooks."""

    def coding(self, level: LevelConfig, weights: Weights) -> CodingQuantizer:
        """See `QuantizerKind`."""
        from vqzip.autoencoders.quantizers.coding import CodebookCoding

        return CodebookCoding.take(weights, level)

    def quantizer(self, level: LevelConfig) -> Quantizer:
        """See `QuantizerKind`."""
        from vqzip.autoencoders.quantizers.codebook import CodebookQuantizer

        return CodebookQuantizer(level)

    def learner(self, quantizer: Any, config: Any) -> Learner:
        """See `QuantizerKind`."""
        from vqzip.autoencoders.quantizers.codebook_learning import CodebookLearner

        return CodebookLearner(quantizer, config)


class Grids:
    """Multiples of a step."""

    def coding(self, level: LevelConfig, weights: Weights) -> CodingQuantizer:
        """See `QuantizerKind`."""
        from vqzip.autoencoders.quantizers.coding import GridCoding

        return GridCoding.take(weights, level)

    def quantizer(self, level: LevelConfig) -> Quantizer:
        """See `QuantizerKind`."""
        from vqzip.autoencoders.quantizers.grid import GridQuantizer

        return GridQuantizer(level)

    def learner(self, quantizer: Any, config: Any) -> Learner:
        """See `QuantizerKind`."""
        from vqzip.autoencoders.quantizers.grid import CentroidLearner

        return CentroidLearner(quantizer, config)


QUANTIZERS: dict[str, QuantizerKind] = {"codebook": Codebooks(), "grid": Grids()}
"""By the `kind` of `LevelConfig.quantizer`."""


class TransformKind(Protocol):
    """What belongs to a kind of transforms."""

    def check(self, vqvae: VqvaeConfig) -> None:
        """Raise ModelError if the levels are not those that the transform has."""

    def analysis_reach(self, config: Any, levels: Levels) -> int:
        """Return how far a latent sees: it depends on no pixel farther than this from its own cell."""

    def synthesis_reach(self, config: Any, levels: Levels) -> int:
        """Return how far a pixel sees: it depends on no latent whose cell is farther than this from it."""

    def onnx(self, config: Any, levels: Levels, weights: Weights) -> Transform:
        """Return the networks in ONNX Runtime."""

    def torch(self, config: Any, levels: Levels) -> discrete.Transform:
        """Return the networks in torch."""


class Conv:
    """Residual networks."""

    def check(self, vqvae: VqvaeConfig) -> None:
        """Accept all levels here; networks refuse strides that they do not reach."""

    def analysis_reach(self, config: ConvTransformConfig, levels: Levels) -> int:
        """See `TransformKind`."""
        return spec.conv_analysis_reach(config, levels)

    def synthesis_reach(self, config: ConvTransformConfig, levels: Levels) -> int:
        """See `TransformKind`."""
        return spec.conv_synthesis_reach(config, levels)

    def onnx(self, config: ConvTransformConfig, levels: Levels, weights: Weights) -> Transform:
        """See `TransformKind`."""
        from vqzip.autoencoders.onnx.conv import OnnxConv

        return OnnxConv(config, levels, weights)

    def torch(self, config: ConvTransformConfig, levels: Levels) -> discrete.Transform:
        """See `TransformKind`."""
        from vqzip.autoencoders.conv import ConvTransform

        return ConvTransform(config, levels)


class Wavelet:
    """A wavelet, and networks around it."""

    def check(self, vqvae: VqvaeConfig) -> None:
        """Check levels and the networks between them; see `TransformKind`."""
        transform = vqvae.transform
        assert isinstance(transform, WaveletTransformConfig)  # noqa: S101  (the kind says so)
        last = transform.decompositions
        strides = [2**last, *(2 ** (last - number) for number in range(last))]
        expected = [(stride, 9 if number else 3, 1) for number, stride in enumerate(strides)]
        scalar = all(_is_scalar(level) for level in vqvae.levels)
        if not scalar or [(s.stride, s.groups, s.depth) for s in vqvae.levels] != expected:
            raise ModelError(
                f"a wavelet of {last} decompositions needs grids at strides "
                f"{', '.join(map(str, strides))}, with 3 groups in the first and 9 in the others."
            )
        _check_networks(transform, strides)

    def analysis_reach(self, config: WaveletTransformConfig, _levels: Levels) -> int:
        """See `TransformKind`."""
        return spec.wavelet_reach(config) + spec.refiner_reach(config.before)

    def synthesis_reach(self, config: WaveletTransformConfig, _levels: Levels) -> int:
        """See `TransformKind`."""
        return spec.wavelet_reach(config) + spec.refiner_reach(config.after)

    def onnx(self, config: WaveletTransformConfig, _levels: Levels, weights: Weights) -> Transform:
        """See `TransformKind`."""
        from vqzip.autoencoders.onnx.wavelet import OnnxWavelet

        return OnnxWavelet(config, weights)

    def torch(self, config: WaveletTransformConfig, _levels: Levels) -> discrete.Transform:
        """See `TransformKind`."""
        from vqzip.autoencoders.wavelet.transform import WaveletTransform

        return WaveletTransform(config)


TRANSFORMS: dict[str, TransformKind] = {"conv": Conv(), "wavelet": Wavelet()}
"""By the `kind` of `VqvaeConfig.transform`."""


def check_transform(vqvae: VqvaeConfig) -> None:
    """Check that the levels are those that the transform has.

    Raises:
        ModelError: they are not.
    """
    if not vqvae.levels:
        raise ModelError("a VQ-VAE needs at least one level.")
    TRANSFORMS[vqvae.transform.kind].check(vqvae)


def _is_scalar(level: LevelConfig) -> bool:
    """Return whether a code is an integer without a largest value, for one number."""
    return (level.quantizer.dim, level.quantizer.head) == (GridConfig.dim, GridConfig.head)


def _check_networks(transform: WaveletTransformConfig, strides: list[int]) -> None:
    """Check that networks on blocks of pixels get whole blocks, and that predictors have levels."""
    around = transform.before is not None or transform.after is not None
    if around and transform.decompositions < 2:
        raise ModelError("networks around a wavelet need two decompositions or more.")
    predicted = [config.stride for config in transform.predictors]
    if len(set(predicted)) != len(predicted) or not set(predicted) <= set(strides):
        raise ModelError(
            f"predictors need different strides out of {', '.join(map(str, strides[1:]))}, "
            f"got {', '.join(map(str, predicted))}."
        )
    for predictor in transform.predictors:
        if strides[0] % (predictor.stride * predictor.fold):
            raise ModelError(
                f"a predictor's stride times its fold must divide {strides[0]}, "
                f"got {predictor.stride} times {predictor.fold}."
            )
