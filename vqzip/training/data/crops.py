"""Random crops of pictures.

Every batch is a function of (seed, stream, step) only, so a resumed run sees the same crops as an
uninterrupted run, and workers or several processes can cut them. First all random numbers of a batch are drawn,
then the crops are cut.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from vqzip.errors import PictureError, TrainingError
from vqzip.training.data.jitter import jitter
from vqzip.training.data.pictures import Pictures
from vqzip.training.recipe.config import DataConfig

CACHE_BYTES = 3 * 2**30
"""Decoded pictures are kept in memory up to this size; others are read again for every crop."""

SHRUNK_SHARE = 0.6
"""Share of the crops that are cut from a downscaled picture."""

LUMA = (0.299, 0.587, 0.114)


@dataclass(frozen=True)
class Window:
    """How large the crops of a batch are.

    A batch is as large as the crop that its first picture has room for, because nothing outside a picture
    should be learned.

    Args:
        side: of a crop in pixels where pictures are large enough.
        align: smaller crops are multiples of this many pixels.
        whole: pictures of up to this side are taken as they are; so are those that are smaller than `align`.
    """

    side: int
    align: int
    whole: int = 0

    def length(self, available: int) -> int:
        """Return the side of a crop of pictures with `available` pixels in that direction."""
        if available < self.align or available <= self.whole:
            return available
        return min(self.side, available // self.align * self.align)


@dataclass(frozen=True)
class Batch:
    """Crops of one size.

    Args:
        pixels: `(N, 3, H, W)` float32 from 0 to 255; sides are multiples of the window's `align`, and beyond
            the picture its edge is repeated, as in the codec.
        gray: `(N,)` bool, crops that are gray.
        height: of the part that is in the pictures.
        width: of the same.
        refused: pictures that could not be read, by number, with the reason.
    """

    pixels: Tensor
    gray: Tensor
    height: int
    width: int
    refused: dict[int, str]

    def inside(self, pixels: Tensor) -> Tensor:
        """Return the part of pixels `(N, C, H, W)` that is in the pictures."""
        return pixels[:, :, : self.height, : self.width]


@dataclass(frozen=True)
class Cut:
    """Everything that is random about a crop.

    Args:
        picture: its number.
        top: row of the crop's first pixel in the picture.
        left: column of the same.
        height: of the part of the picture that becomes the crop.
        width: of the same.
        factors: of brightness, contrast and saturation; None leaves the colors.
        flipped: left and right are exchanged.
    """

    picture: int
    top: int
    left: int
    height: int
    width: int
    factors: tuple[float, float, float] | None
    flipped: bool


class CropSource:
    """Random crops from pictures, which are kept in memory up to a limit.

    Args:
        pictures: to cut from.
        config: of the crops.
        seed: of the recipe.

    Attributes:
        refused: pictures that could not be read so far, by number, with the reason.
    """

    def __init__(self, pictures: Pictures, config: DataConfig, seed: int) -> None:
        self.pictures, self.config, self.seed = pictures, config, seed
        self.refused: dict[int, str] = {}
        self._cache: dict[int, NDArray[np.uint8]] = {}
        self._cached_bytes = 0

    def look(self) -> None:
        """Open every picture, without decoding it, so that broken ones are known from the start.

        Raises:
            TrainingError: none of them can be opened.
        """
        for number in range(len(self.pictures)):
            try:
                self.pictures.look(number)
            except PictureError as error:  # noqa: PERF203
                self.refused[number] = str(error)
        if len(self.refused) == len(self.pictures):
            raise self._nothing_to_draw()

    def batch(
        self, stream: int, step: int, count: int, window: Window, part: slice = slice(None)
    ) -> Batch:
        """Return one batch, or a part of it.

        Args:
            stream: number of the random stream (one for each phase).
            step: number of the batch.
            count: number of crops.
            window: their size.
            part: crops that are wanted.

        Raises:
            TrainingError: no picture can be read.
        """
        rng = np.random.default_rng([self.seed, stream, step])
        cuts, height, width = self._cuts(rng, count, window)
        gray = torch.from_numpy(rng.random(count) < self.config.gray_share)[part]
        pixels = torch.stack([self._crop(cut, height, width) for cut in cuts[part]])
        luma = (pixels * torch.tensor(LUMA)[:, None, None]).sum(1, keepdim=True)
        pixels = torch.where(gray[:, None, None, None], luma.round(), pixels)
        below, right = -height % window.align, -width % window.align
        if below or right:
            pixels = functional.pad(pixels, (0, right, 0, below), mode="replicate")
        return Batch(pixels, gray, height, width, dict(self.refused))

    def _cuts(
        self, rng: np.random.Generator, count: int, window: Window
    ) -> tuple[list[Cut], int, int]:
        """Draw the random numbers of a batch; return its cuts, and height and width of a crop."""
        cuts: list[Cut] = []
        height = width = 0
        strength = self.config.colour_jitter
        for _ in range(count):
            shrunk = rng.random() < SHRUNK_SHARE
            scale = rng.uniform(self.config.smallest_scale, 1.0) if shrunk else 1.0
            picture, pixels = self._draw(rng, height, width)
            rows, columns = pixels.shape[:2]
            if not cuts:
                height, width = window.length(rows), window.length(columns)
            # A picture is not scaled below the size of a crop.
            most = min(rows / height, columns / width)
            part = [min(round(n / scale), int(n * most + 1e-6)) for n in (height, width)]
            top = int(rng.integers(rows - part[0] + 1))
            left = int(rng.integers(columns - part[1] + 1))
            factors = None
            if strength:
                bright, contrast, color = (
                    float(rng.uniform(1 - strength, 1 + strength)) for _ in range(3)
                )
                factors = bright, contrast, color
            flipped = bool(rng.random() < 0.5) and self.config.flip
            cuts.append(Cut(picture, top, left, part[0], part[1], factors, flipped))
        return cuts, height, width

    def _crop(self, cut: Cut, height: int, width: int) -> Tensor:
        """Return one crop `(3, height, width)`, float32."""
        pixels = self._pixels(cut.picture)
        if pixels is None:
            raise self._nothing_to_draw()
        rows, columns = slice(cut.top, cut.top + cut.height), slice(cut.left, cut.left + cut.width)
        crop = torch.from_numpy(pixels[rows, columns].copy()).permute(2, 0, 1).float()
        if (cut.height, cut.width) != (height, width):
            smaller = functional.interpolate(
                crop[None], (height, width), mode="bicubic", antialias=True, align_corners=False
            )
            crop = smaller[0].clamp(0, 255).round()
        if cut.factors is not None:
            crop = jitter(crop, cut.factors)
        return crop.flip(2) if cut.flipped else crop

    def _draw(
        self, rng: np.random.Generator, height: int, width: int
    ) -> tuple[int, NDArray[np.uint8]]:
        """Return a random picture of at least this size, or the next one that can be read."""
        drawn = int(rng.integers(len(self.pictures)))
        for number in range(drawn, drawn + len(self.pictures)):
            picture = number % len(self.pictures)
            pixels = self._pixels(picture)
            if pixels is not None and pixels.shape[0] >= height and pixels.shape[1] >= width:
                return picture, pixels
        raise self._nothing_to_draw()

    def _pixels(self, number: int) -> NDArray[np.uint8] | None:
        """Return `(H, W, 3)` or None for a picture that cannot be read."""
        if number in self._cache:
            return self._cache[number]
        if number in self.refused:
            return None
        try:
            pixels = self.pictures.read(number)
        except PictureError as error:
            self.refused[number] = str(error)
            return None
        if pixels.ndim == 2:
            pixels = np.repeat(pixels[:, :, None], 3, 2)
        if self._cached_bytes + pixels.nbytes <= CACHE_BYTES:
            self._cache[number] = pixels
            self._cached_bytes += pixels.nbytes
        return pixels

    def _nothing_to_draw(self) -> TrainingError:
        reason = next(iter(self.refused.values()), "they are empty")
        return TrainingError(f"none of the pictures can be read; the first reason: {reason}")
