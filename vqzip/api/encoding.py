"""`vqzip.encode` and `vqzip.encode_many`: anything that is a picture to the bytes of a .vqz file."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from vqzip.api.many import in_order
from vqzip.codec.codec import DEFAULT_QUALITY, Codec
from vqzip.codec.effort import DEFAULT_EFFORT
from vqzip.codec.target import Target, encode_to_target
from vqzip.errors import PictureError, UsageError
from vqzip.families.shared import shared_model
from vqzip.models.abilities import compressing
from vqzip.models.folder import DEFAULT_MODEL
from vqzip.pictures.limits import MAX_PIXELS
from vqzip.pictures.picture import Picture
from vqzip.pictures.read import PictureRead, read_file, read_image
from vqzip.quality import quality_number

Given: TypeAlias = "Image.Image | str | os.PathLike[str] | bytes | NDArray[np.uint8]"
"""A Pillow image, a path, the bytes of a picture file, or pixels `(H, W)` or `(H, W, 1 to 4)`."""

ALPHA_CHANNELS = (2, 4)


@dataclass(frozen=True)
class Settings:
    """How pictures are encoded; see `vqzip.encode`.

    Raises:
        UsageError: two goals are given, or one cannot be a goal.
    """

    quality: float | str | None = None
    max_bytes: int | None = None
    bpp: float | None = None
    psnr: float | None = None
    ms_ssim: float | None = None
    strip: bool = False
    strict: bool = False
    max_pixels: int = MAX_PIXELS
    model: str | os.PathLike[str] = DEFAULT_MODEL
    effort: int = DEFAULT_EFFORT
    device: str = "cpu"

    def __post_init__(self) -> None:
        goals = {
            "quality": self.quality,
            "max_bytes": self.max_bytes,
            "bpp": self.bpp,
            "psnr": self.psnr,
            "ms_ssim": self.ms_ssim,
        }
        given = [name for name, value in goals.items() if value is not None]
        if len(given) > 1:
            raise UsageError(f"{' and '.join(given)} ask for different things; give one of them.")
        if self.quality is not None:
            quality_number(self.quality)
        elif given:
            self.target(1)

    def target(self, pixels: int) -> Target | None:
        """Return the goal for a picture of so many pixels, None if it is a quality.

        Raises:
            UsageError: the goal is not above 0.
        """
        most = self.max_bytes
        if self.bpp is not None:
            if not self.bpp > 0:
                raise UsageError(f"bpp must be above zero, got {self.bpp:g}.")
            most = max(1, int(self.bpp * pixels / 8))
        if most is None and self.psnr is None and self.ms_ssim is None:
            return None
        return Target(most, self.psnr, self.ms_ssim)


def encode(image: Given, settings: Settings) -> bytes:
    """Return the bytes of a .vqz file; see `vqzip.encode`."""
    return _encoded(_picture(image, settings), settings)


def encode_many(images: Iterable[Given], settings: Settings) -> Iterator[bytes]:
    """Yield the .vqz file of each picture, in their order; see `vqzip.encode_many`."""
    return in_order(lambda image: encode(image, settings), images)


def read_given(image: Given, max_pixels: int) -> PictureRead:
    """Return the picture that a caller gives, and what is not kept of it.

    Raises:
        PictureError: it is not one, or too large.
    """
    if isinstance(image, np.ndarray):
        return PictureRead("the array", _picture_of_array(image, max_pixels))
    if isinstance(image, (bytes, bytearray, memoryview)):
        return read_file(bytes(image), max_pixels=max_pixels)
    if isinstance(image, (str, os.PathLike)):
        return read_file(Path(image), max_pixels=max_pixels)
    if isinstance(image, Image.Image):
        return read_image(image, max_pixels=max_pixels)
    raise PictureError(
        "a picture is a PIL image, a path, the bytes of a picture file or a uint8 array; got "
        f"{type(image).__name__}."
    )


def _picture(image: Given, settings: Settings) -> Picture:
    found = read_given(image, settings.max_pixels)
    if settings.strip:
        found = found.stripped()
    if settings.strict:
        found.refuse_losses()
    return found.picture


def _encoded(picture: Picture, settings: Settings) -> bytes:
    codec = compressing(shared_model(os.fspath(settings.model), settings.device))
    target = settings.target(picture.width * picture.height)
    if target is None:
        quality = DEFAULT_QUALITY if settings.quality is None else quality_number(settings.quality)
        return codec.encode_picture(picture, quality=quality, effort=settings.effort).data
    if not isinstance(codec, Codec):
        raise UsageError(f"the model '{codec.name}' cannot aim at a goal; give a quality.")
    return encode_to_target(codec, picture, target, effort=settings.effort).data


def _picture_of_array(pixels: NDArray[np.uint8], max_pixels: int) -> Picture:
    """Return the picture of an array `(H, W)` or `(H, W, channels)`; the second or fourth one is alpha."""
    if pixels.dtype != np.uint8 or pixels.ndim not in (2, 3) or pixels.shape[2:] > (4,):
        raise PictureError(
            "an array must be uint8 of shape (H, W) or (H, W, 1 to 4), got "
            f"{pixels.dtype} {pixels.shape}."
        )
    height, width = pixels.shape[:2]
    if height * width > max_pixels:
        raise PictureError(
            f"the array has {width} x {height} pixels, more than the {max_pixels} allowed; raise "
            "`max_pixels`."
        )
    alpha = None
    if pixels.ndim == 3 and pixels.shape[2] in ALPHA_CHANNELS:
        last = np.ascontiguousarray(pixels[..., -1])
        alpha = None if int(last.min(initial=255)) == 255 else last
        pixels = pixels[..., :-1]
    gray = pixels.ndim == 3 and pixels.shape[2] == 1
    return Picture(np.ascontiguousarray(pixels[..., 0] if gray else pixels), alpha)
