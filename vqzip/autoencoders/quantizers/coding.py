"""Quantizers of the codec: latents to integer codes and back, on arrays.

`codebook` and `grid` have the same in torch, where codewords and centroids are learned.
"""

from __future__ import annotations

from typing import Literal, Protocol, cast

import numpy as np
from numpy.typing import NDArray

from vqzip.autoencoders.onnx.weights import Weights
from vqzip.autoencoders.spec import DEADZONE_ROUNDING, MAGNITUDES, QUANTIZER_CHUNK
from vqzip.autoencoders.transform import Floats
from vqzip.codes import Choice, CodebookChoice, CodeMap, GridChoice
from vqzip.errors import CodingError
from vqzip.hierarchy import CodebookConfig, LevelConfig

Codes = NDArray[np.int32]
"""Codes of one level of a crop, `(G, D, h, w)`."""


class CodingQuantizer(Protocol):
    """Quantizer of a level in the codec; `step` is that of the grids."""

    def quantize(self, latents: Floats, step: float) -> Codes:
        """Return the nearest codes to latents `(G * dim, h, w)`."""
        ...

    def dequantize(self, codes: Codes, step: float) -> Floats:
        """Return the quantized latents, `(G * dim, h, w)`."""
        ...

    def blank(self, height: int, width: int) -> Floats:
        """Return `(G * dim, height, width)`: the latents of a level whose codes are unknown."""
        ...

    def check(self, codes: Codes) -> None:
        """Raise CodingError if a code is outside the alphabet."""
        ...

    def choice(self, latents: Floats, step: float, bit_price: float) -> Choice:
        """Return the input for choosing codes.

        Args:
            latents: `(G * dim, h, w)`.
            step: of the grids.
            bit_price: of a bit, in squared steps (for codebooks: in mean quantization errors).
        """
        ...

    def pad(self, codes: CodeMap, height: int, width: int) -> CodeMap:
        """Return codes `(C, height, width)`, filled beyond the end of a picture."""
        ...

    def clear_beyond(self, codes: Codes, height: int, width: int) -> None:
        """Set codes beyond this many rows and columns to 0, if decoding does."""
        ...


class CodebookCoding:
    """The nearest codeword, in G groups and D residual stages.

    Args:
        codebooks: `(G, D, K, dim)`.
    """

    @classmethod
    def take(cls, weights: Weights, level: LevelConfig) -> CodebookCoding:
        """Return the quantizer of a level, from the weights of a model folder."""
        config = cast("CodebookConfig", level.quantizer)
        shape = (level.groups, level.depth, config.size, config.dim)
        return cls(weights.take("codebooks", *shape))

    def __init__(self, codebooks: Floats) -> None:
        self.codebooks = codebooks
        self._squares = np.square(codebooks).sum(-1)

    def quantize(self, latents: Floats, step: float) -> Codes:
        """See `CodingQuantizer`."""
        del step
        groups, depth, _, dim = self.codebooks.shape
        height, width = latents.shape[1:]
        codes = np.empty((groups, depth, height * width), np.int32)
        for group in range(groups):
            rest = latents[group * dim : (group + 1) * dim].reshape(dim, -1).T.copy()
            for stage in range(depth):
                codes[group, stage] = self._nearest(rest, group, stage)
                rest -= self.codebooks[group, stage][codes[group, stage]]
        return codes.reshape(groups, depth, height, width)

    def _nearest(self, vectors: Floats, group: int, stage: int) -> NDArray[np.intp]:
        """Return the index of the nearest codeword to each of `(M, dim)`."""
        words, squares = self.codebooks[group, stage], self._squares[group, stage]
        # |v - e|^2 = |v|^2 - 2 v·e + |e|^2, and |v|^2 is the same for every codeword.
        starts = range(0, len(vectors), QUANTIZER_CHUNK)
        chunks = (vectors[start : start + QUANTIZER_CHUNK] for start in starts)
        return np.concatenate([(squares - 2 * (chunk @ words.T)).argmin(1) for chunk in chunks])

    def dequantize(self, codes: Codes, step: float) -> Floats:
        """See `CodingQuantizer`."""
        del step
        groups, depth, _, dim = self.codebooks.shape
        z_q = np.zeros((groups, dim, *codes.shape[2:]), np.float32)
        for group in range(groups):
            for stage in range(depth):
                z_q[group] += np.moveaxis(self.codebooks[group, stage][codes[group, stage]], 2, 0)
        return z_q.reshape(groups * dim, *codes.shape[2:])

    def blank(self, height: int, width: int) -> Floats:
        """Return the mean codeword everywhere."""
        mean = self.codebooks.mean(2).sum(1).ravel()
        return np.broadcast_to(mean[:, None, None], (len(mean), height, width))

    def check(self, codes: Codes) -> None:
        """Raise CodingError when a code is not in 0 to K - 1."""
        size = self.codebooks.shape[2]
        if codes.size and not 0 <= int(codes.min()) <= int(codes.max()) < size:
            raise CodingError(f"codes must be 0 to {size - 1} for this model's codebooks.")

    def choice(self, latents: Floats, step: float, bit_price: float) -> CodebookChoice:
        """See `CodingQuantizer`."""
        nearest = self.dequantize(self.quantize(latents, step), step)
        unit = float(np.square(latents - nearest).sum(0).mean())
        return CodebookChoice(latents, self.codebooks, bit_price * unit)

    def pad(self, codes: CodeMap, height: int, width: int) -> CodeMap:
        """Repeat the codewords at the edge."""
        return _padded(codes, height, width, "edge")

    def clear_beyond(self, codes: Codes, height: int, width: int) -> None:
        """Leave the codes as they are."""


class GridCoding:
    """Multiples of a step, with a dead zone and learned centroids.

    `q = sign(z) * floor(|z| / step + 0.4)`; it stands for `sign(q) * (|q| - shift) * step`.

    Args:
        centroid_shift: `(G, 3)`, parts of a step, for |q| = 1, 2, and 3 or more.
    """

    @classmethod
    def take(cls, weights: Weights, level: LevelConfig) -> GridCoding:
        """Return the quantizer of a level, from the weights of a model folder."""
        return cls(weights.take("centroid_shift", level.groups, MAGNITUDES))

    def __init__(self, centroid_shift: Floats) -> None:
        self._shift = centroid_shift

    def quantize(self, latents: Floats, step: float) -> Codes:
        """See `CodingQuantizer`."""
        scaled = latents / np.float32(step)
        magnitude = np.floor(np.abs(scaled) + np.float32(DEADZONE_ROUNDING))
        codes: Codes = np.copysign(magnitude, scaled).astype(np.int32)[:, None]
        return codes

    def dequantize(self, codes: Codes, step: float) -> Floats:
        """See `CodingQuantizer`."""
        q = codes[:, 0]
        magnitude = np.abs(q)
        place = np.clip(magnitude, 1, MAGNITUDES) - 1
        values = magnitude.astype(np.float32)
        for group, shift in enumerate(self._shift):
            values[group] -= shift[place[group]]
        values *= np.sign(q)
        values *= np.float32(step)
        return values

    def blank(self, height: int, width: int) -> Floats:
        """Return zeros."""
        return np.zeros((len(self._shift), height, width), np.float32)

    def check(self, codes: Codes) -> None:
        """Accept every code: a grid has no largest value."""

    def choice(self, latents: Floats, step: float, bit_price: float) -> GridChoice:
        """See `CodingQuantizer`."""
        return GridChoice(latents / np.float32(step), bit_price)

    def pad(self, codes: CodeMap, height: int, width: int) -> CodeMap:
        """Return zeros beyond the edge: no detail."""
        return _padded(codes, height, width, "constant")

    def clear_beyond(self, codes: Codes, height: int, width: int) -> None:
        """Make the codes beyond 0: no detail."""
        codes[..., height:, :] = 0
        codes[..., width:] = 0


def _padded(codes: CodeMap, height: int, width: int, mode: Literal["edge", "constant"]) -> CodeMap:
    below, right = height - codes.shape[1], width - codes.shape[2]
    return np.pad(codes, ((0, 0), (0, below), (0, right)), mode=mode)
