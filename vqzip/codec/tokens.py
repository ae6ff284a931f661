"""Pictures as tokens for other models: the nearest codes of whole batches, and back, in torch."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from vqzip.errors import CodingError, PictureError, missing_package
from vqzip.models.folder import Model

if TYPE_CHECKING:
    from vqzip.autoencoders.discrete import Vqvae

MOST_PIXELS = 2**20
"""Pixels that go through the networks at once."""


@dataclass(frozen=True, eq=False)
class Tokens:
    """Tokens of a batch of pictures of one size.

    Args:
        levels: coarse first, `(N, C, h, w)` int32 each: C tokens at every position, group-major.
        height: of the pictures in pixels.
        width: of the same.
        quality: 1.0 to 8.0; models with one quality ignore it.
    """

    levels: tuple[NDArray[np.int32], ...]
    height: int
    width: int
    quality: float

    def __len__(self) -> int:
        """Return the number of pictures."""
        return len(self.levels[0])


class Tokenizes:
    """The part of a codec that makes tokens; it needs PyTorch (`pip install vqzip[train]`).

    Attributes:
        model: the loaded model.
    """

    model: Model

    def tokenize(self, images: NDArray[np.uint8], quality: float = 4.0) -> Tokens:
        """Return the tokens of a batch: the nearest code of every latent, as in VQ-VAE's papers.

        `encode` may choose other codes, which take fewer bits; its `effort=0` writes these.

        Args:
            images: `(N, H, W, 3)` uint8, RGB.
            quality: 1.0 to 8.0; models with one quality ignore it.

        Raises:
            PictureError: another shape or type.
            ModelError: the model does not have the quality.
            UsageError: PyTorch is not installed.
        """
        pixels = _checked(images)
        config = self.model.config.vqvae
        step = config.nearest_quality(quality)
        count, height, width, _ = pixels.shape
        padding = [(0, 0), (0, -height % config.align), (0, -width % config.align), (0, 0)]
        parts = []
        for start in range(0, count, self._at_once(height, width)):
            part = pixels[start : start + self._at_once(height, width)]
            part = np.pad(part, padding, mode="edge").transpose(0, 3, 1, 2)
            parts.append(self._networks.encode_arrays(np.ascontiguousarray(part), step))
        shapes = config.shapes(height, width)
        levels = []
        for number, (rows, columns) in enumerate(shapes):
            level = np.concatenate([part[number] for part in parts])
            levels.append(np.ascontiguousarray(level[:, :, :rows, :columns]))
        return Tokens(tuple(levels), height, width, quality)

    def detokenize(self, tokens: Tokens) -> NDArray[np.uint8]:
        """Return the pictures of tokens, `(N, H, W, 3)` uint8.

        Raises:
            CodingError: the shapes do not fit the size, or a token is in no codebook.
            ModelError: the model does not have the quality.
            UsageError: PyTorch is not installed.
        """
        config = self.model.config.vqvae
        height, width = tokens.height, tokens.width
        shapes = config.shapes(height, width)
        wanted = [
            (level.channels, *shape) for level, shape in zip(config.levels, shapes, strict=True)
        ]
        if [level.shape[1:] for level in tokens.levels] != wanted:
            raise CodingError(
                f"tokens of pictures of {width} x {height} pixels have the shapes {wanted} for this "
                f"model, got {[level.shape[1:] for level in tokens.levels]}."
            )
        step = config.nearest_quality(tokens.quality)
        most = self._at_once(height, width)
        parts = []
        for start in range(0, len(tokens), most):
            levels = [level[start : start + most] for level in tokens.levels]
            parts.append(self._networks.decode_arrays(levels, step, height, width))
        return np.concatenate(parts)

    @property
    def vocabulary(self) -> tuple[int, ...]:
        """Number of different tokens of each level; 0 where any integer is one (grids)."""
        return tuple(level.quantizer.size for level in self.model.config.vqvae.levels)

    @property
    def codebooks(self) -> tuple[NDArray[np.float32], ...]:
        """Codewords of each level, `(groups, depth, size, dim)`; empty for grids."""
        return self._networks.codebook_arrays()

    @cached_property
    def _networks(self) -> Vqvae:
        try:
            from vqzip.models.learned import load_vqvae
        except ModuleNotFoundError as error:
            raise missing_package("torch", "making tokens", "train") from error
        return load_vqvae(self.model.path)

    def _at_once(self, height: int, width: int) -> int:
        return max(1, MOST_PIXELS // (height * width))


def _checked(images: object) -> NDArray[np.uint8]:
    """Return a batch of pictures.

    Raises:
        PictureError: it is none.
    """
    if not isinstance(images, np.ndarray) or images.dtype != np.uint8:
        kind = images.dtype if isinstance(images, np.ndarray) else type(images).__name__
        raise PictureError(
            f"a batch is an array of uint8 from 0 to 255, got {kind}; multiply pixels from 0 to 1 by 255, "
            "round them, and convert them with .astype(np.uint8)."
        )
    if images.ndim != 4 or images.shape[3] != 3 or not images.size:
        raise PictureError(f"a batch has the shape (N, H, W, 3), got {images.shape}.")
    return images
