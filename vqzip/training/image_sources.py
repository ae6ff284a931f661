"""Training pictures: any folder, searched recursively, cut into random crops.

Every batch is a function of (seed, stream, step) only, so a resumed run sees the same crops as an
uninterrupted run.
"""

from __future__ import annotations

from pathlib import Path
from typing import Literal

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from vqzip.errors import PictureError, TrainingError
from vqzip.pictures.find import is_picture_file, picture_files
from vqzip.pictures.read import look_at_file, read_picture
from vqzip.training.recipe.config import DataConfig

MAX_PIXELS = 100_000_000

CACHE_BYTES = 3 * 2**30
"""Decoded pictures are kept in memory up to this size; others are read again for every crop."""

SHRUNK_SHARE = 0.6
"""Share of the crops that are cut from a downscaled picture."""


def find_pictures(folder: Path, *, but_not: Path | None = None) -> list[Path]:
    """Return all picture files under `folder`, sorted.

    Args:
        folder: searched recursively; may also be a single picture file.
        but_not: a folder inside that is skipped (the run's own).

    Raises:
        TrainingError: the folder does not exist, or has no pictures.
    """
    if is_picture_file(folder):
        return [folder]
    if not folder.is_dir():
        raise TrainingError(f"there is no folder {folder}; give one with pictures.")
    found = picture_files(folder)
    if but_not is not None:
        inside = but_not.resolve()
        found = [path for path in found if inside not in path.resolve().parents]
    if not found:
        raise TrainingError(f"no pictures were found under {folder}; give a folder with pictures.")
    return found


class CropSource:
    """Random crops from pictures, which are kept in memory up to a limit.

    Args:
        paths: from `find_pictures`.
        config: crops.
        seed: of the recipe.

    Attributes:
        refused: pictures that could not be read so far, with the reason.
    """

    def __init__(self, paths: list[Path], config: DataConfig, seed: int) -> None:
        self.paths, self.config, self.seed = paths, config, seed
        self.refused: dict[Path, str] = {}
        self._cache: dict[int, NDArray[np.uint8]] = {}
        self._cached_bytes = 0

    def look(self) -> None:
        """Open every picture, without decoding it, so that broken ones are known from the start.

        Raises:
            TrainingError: none of them can be opened.
        """
        for path in self.paths:
            try:
                look_at_file(path, max_pixels=MAX_PIXELS)
            except PictureError as error:  # noqa: PERF203
                self.refused[path] = str(error)
        if len(self.refused) == len(self.paths):
            raise self._nothing_to_draw()

    def _nothing_to_draw(self) -> TrainingError:
        reason = next(iter(self.refused.values()))
        return TrainingError(f"none of the pictures can be read; the first reason: {reason}")

    def _pixels(self, number: int) -> NDArray[np.uint8] | None:
        """Return `(H, W, 3)` or None for a picture that cannot be read."""
        if number in self._cache:
            return self._cache[number]
        path = self.paths[number]
        if path in self.refused:
            return None
        try:
            picture = read_picture(path, max_pixels=MAX_PIXELS, strict=False)
        except PictureError as error:
            self.refused[path] = str(error)
            return None
        pixels = picture.pixels
        if pixels.ndim == 2:
            pixels = np.repeat(pixels[:, :, None], 3, 2)
        if self._cached_bytes + pixels.nbytes <= CACHE_BYTES:
            self._cache[number] = pixels
            self._cached_bytes += pixels.nbytes
        return pixels

    def batch(self, stream: int, step: int, count: int, side: int) -> tuple[Tensor, Tensor]:
        """Return one batch.

        Args:
            stream: number of the random stream (one for each phase).
            step: number of the batch.
            count: number of crops.
            side: of a crop in pixels, S.

        Returns:
            Pixels `(count, 3, S, S)` float32 from 0 to 255, and gray flags `(count,)` bool.

        Raises:
            TrainingError: no picture can be read.
        """
        rng = np.random.default_rng([self.seed, stream, step])
        crops = [self._crop(rng, side) for _ in range(count)]
        pixels = torch.stack(crops)
        gray = torch.from_numpy(rng.random(count) < self.config.gray_share)
        luma = (pixels * torch.tensor([0.299, 0.587, 0.114])[:, None, None]).sum(1, keepdim=True)
        pixels = torch.where(gray[:, None, None, None], luma.round(), pixels)
        return pixels, gray

    def _crop(self, rng: np.random.Generator, side: int) -> Tensor:
        """Return one crop `(3, side, side)` of a random picture, float32."""
        shrunk = rng.random() < SHRUNK_SHARE
        scale = rng.uniform(self.config.smallest_scale, 1.0) if shrunk else 1.0
        pixels = self._draw(rng)
        shortest = min(pixels.shape[:2])
        wanted = min(max(round(side / scale), side), max(shortest, side))
        if shortest < wanted:
            missing = [max(0, wanted - n) for n in pixels.shape[:2]]
            mode: Literal["reflect", "edge"] = "reflect" if max(missing) < shortest else "edge"
            pixels = np.pad(pixels, ((0, missing[0]), (0, missing[1]), (0, 0)), mode=mode)
        top = int(rng.integers(pixels.shape[0] - wanted + 1))
        left = int(rng.integers(pixels.shape[1] - wanted + 1))
        cut = torch.from_numpy(pixels[top : top + wanted, left : left + wanted].copy())
        crop = cut.permute(2, 0, 1).float()
        if wanted != side:
            smaller = functional.interpolate(
                crop[None], (side, side), mode="bicubic", antialias=True, align_corners=False
            )
            crop = smaller[0].clamp(0, 255).round()
        if self.config.colour_jitter:
            crop = jitter(crop, self.config.colour_jitter, rng)
        return crop.flip(2) if rng.random() < 0.5 else crop

    def _draw(self, rng: np.random.Generator) -> NDArray[np.uint8]:
        """Return a random picture, or the next one that can be read."""
        drawn = int(rng.integers(len(self.paths)))
        for number in range(drawn, drawn + len(self.paths)):
            pixels = self._pixels(number % len(self.paths))
            if pixels is not None:
                return pixels
        raise self._nothing_to_draw()


def jitter(crop: Tensor, strength: float, rng: np.random.Generator) -> Tensor:
    """Change brightness, contrast and saturation randomly by up to `strength`.

    Args:
        crop: `(3, S, S)` float32 from 0 to 255.
        strength: 0 to 1.
        rng: source of all random numbers.

    Raises:
        TrainingError: torchvision cannot be imported (its wheel may not fit a CPU-only torch).
    """
    try:
        from torchvision.transforms.v2 import functional as vision
    except (ImportError, RuntimeError) as error:
        raise TrainingError(
            "colour_jitter needs a torchvision that fits the installed torch; "
            "install the matching one or set data.colour_jitter=0."
        ) from error
    crop = crop / 255
    for change in (vision.adjust_brightness, vision.adjust_contrast, vision.adjust_saturation):
        crop = change(crop, float(rng.uniform(1 - strength, 1 + strength)))
    return (crop * 255).round()
