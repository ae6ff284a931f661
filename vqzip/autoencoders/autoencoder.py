"""The networks of a model as the codec uses them: pixels to codes and back, on arrays, one crop at a time."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from vqzip.autoencoders.config import VqvaeConfig
from vqzip.autoencoders.kinds import TRANSFORMS
from vqzip.autoencoders.quantizers.coding import Codes, CodingQuantizer
from vqzip.autoencoders.transform import Floats, Part, Transform
from vqzip.errors import CodingError
from vqzip.quality import Quality


class Autoencoder:
    """A transform and the quantizer of every level.

    Args:
        config: levels, transform, quality.
        transform: the networks, in torch or in ONNX Runtime.
        quantizers: one for each level, coarse first.

    Attributes:
        analysis_reach: a latent depends on no pixel farther than this from its own cell.
        synthesis_reach: a pixel depends on no latent whose cell is farther than this from it.
    """

    def __init__(
        self, config: VqvaeConfig, transform: Transform, quantizers: Sequence[CodingQuantizer]
    ) -> None:
        self.config, self.transform, self.quantizers = config, transform, quantizers
        kind = TRANSFORMS[config.transform.kind]
        self.analysis_reach = kind.analysis_reach(config.transform, config.levels)
        self.synthesis_reach = kind.synthesis_reach(config.transform, config.levels)

    def decode(self, codes: Sequence[Codes], quality: Quality, part: Part | None = None) -> Floats:
        """Return pixels `(3, H, W)`, clipped to 0 to 255.

        Args:
            codes: `(G, D, h, w)` a level, coarse first; finer levels may be left out.
            quality: one of the model's.
            part: rows and columns of the pixels that are wanted; None wants all.

        Raises:
            CodingError: codes do not fit the model.
            ModelError: the model does not have the quality.
        """
        self._check(codes)
        step = self.config.step(quality)
        quantized = [
            quantizer.dequantize(known, step)
            for quantizer, known in zip(self.quantizers, codes, strict=False)
        ]
        coarsest = self.config.levels[0].stride
        height, width = (side * coarsest for side in codes[0].shape[-2:])
        for level in range(len(codes), len(self.quantizers)):
            stride = self.config.levels[level].stride
            quantized.append(self.quantizers[level].blank(height // stride, width // stride))
        part = part or (slice(0, height), slice(0, width))
        pixels = self.transform.synthesize(quantized, step, part)
        return np.clip(pixels, 0, 255, out=pixels)

    def decode_reduced(self, codes: Sequence[Codes], quality: Quality, part: Part) -> Floats:
        """Return pixels at the size that the first levels hold, `(3, h, w)`, clipped to 0 to 255.

        Args:
            codes: `(G, D, h, w)` of as many levels as `VqvaeConfig.levels_of_reduction` gives.
            quality: one of the model's.
            part: rows and columns of the reduced picture.

        Raises:
            CodingError: codes do not fit the model.
            ModelError: the model does not have the quality.
        """
        self._check(codes)
        step = self.config.step(quality)
        quantized = [
            quantizer.dequantize(known, step)
            for quantizer, known in zip(self.quantizers, codes, strict=False)
        ]
        pixels = self.transform.reduced(quantized, step, part)
        return np.clip(pixels, 0, 255, out=pixels)

    def _check(self, codes: Sequence[Codes]) -> None:
        if not 1 <= len(codes) <= len(self.quantizers):
            raise CodingError(f"this model has {len(self.quantizers)} levels, got {len(codes)}.")
        rows, columns = codes[0].shape[-2:]
        coarsest = self.config.levels[0].stride
        for number, (level, known) in enumerate(zip(self.config.levels, codes, strict=False)):
            h, w = rows * coarsest // level.stride, columns * coarsest // level.stride
            expected = (level.groups, level.depth, h, w)
            if known.shape != expected:
                raise CodingError(
                    f"level {number} must have codes of shape {expected}, got {known.shape}."
                )
            self.quantizers[number].check(known)
