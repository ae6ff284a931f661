"""Converts the samples of Pillow to 8 bits in RGB or gray, and alpha."""

from __future__ import annotations

import io
import re
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, PngImagePlugin

from vqzip.errors import PictureError
from vqzip.pictures.colors import GRAY_MODES, PRINT_MODES, SIXTEEN_BIT_MODES, print_to_srgb
from vqzip.pictures.containers.findings import Findings
from vqzip.pictures.picture import Bytes2D

_ALPHA_MODES = ("LA", "La", "PA", "RGBA", "RGBa")
_GRAY_OF = {"RGB": "L", "RGBA": "LA"}
_TIFF_BITS_PER_SAMPLE, _TIFF_PHOTOMETRIC, _WHITE_IS_ZERO = 258, 262, 0
_RAW_GRAY_BITS = re.compile(r"L;(\d)")


@dataclass(frozen=True)
class Stored:
    """What pixels need that is known of the file alone.

    Args:
        bits: of a gray sample of more than 8 bits.
        white_is_zero: whether samples of more than 8 bits are stored inverted.
        key: samples of the one transparent color, in the file's depth; None leaves it to Pillow.
        key_bits: that depth.
        monochrome: whether RGB of Pillow is gray in the file.
        pixel_file: a PNG, needed for a key of 16-bit colors.
        covered: (left, upper, right, lower) of the part that is drawn at all; None for the whole.
    """

    bits: int = 16
    white_is_zero: bool = False
    key: tuple[int, ...] | None = None
    key_bits: int = 8
    monochrome: bool = False
    pixel_file: bytes | None = None
    covered: tuple[int, int, int, int] | None = None


def stored_in_file(found: Findings, image: Image.Image) -> Stored:
    """Return what is known of a file that was looked through."""
    bits = found.bits if image.format == "TIFF" and 9 <= found.bits <= 15 else 16
    return Stored(
        bits=bits,
        white_is_zero=found.white_is_zero,
        key=found.key,
        key_bits=found.bits,
        monochrome=found.monochrome,
        pixel_file=found.pixel_file,
        covered=_covered(image),
    )


def stored_in_image(image: Image.Image) -> Stored:
    """Return what is known of an image that the caller opened; call before it is loaded."""
    tags: Any = getattr(image, "tag_v2", {})
    bits = tags.get(_TIFF_BITS_PER_SAMPLE, 16)
    bits = bits[0] if isinstance(bits, tuple) else bits
    key = image.info.get("transparency")
    tiles = getattr(image, "tile", [])
    match = _RAW_GRAY_BITS.match(str(tiles[0][3])) if tiles else None
    small = image.format == "PNG" and match is not None
    return Stored(
        bits=int(bits) if bits in range(9, 16) else 16,
        white_is_zero=tags.get(_TIFF_PHOTOMETRIC) == _WHITE_IS_ZERO,
        key=(key,) if small and isinstance(key, int) else None,
        key_bits=int(match[1]) if small and match else 8,
        covered=_covered(image),
    )


def _covered(image: Image.Image) -> tuple[int, int, int, int] | None:
    """Return which part of a GIF its first frame draws: what lies around it is transparent."""
    tiles = getattr(image, "tile", [])
    if image.format != "GIF" or not tiles or tiles[0][1] == (0, 0, *image.size):
        return None
    left, upper, right, lower = tiles[0][1]
    return left, upper, right, lower


def pixels_and_alpha(image: Image.Image, stored: Stored) -> tuple[Bytes2D, Bytes2D | None]:
    """Return `(H, W)` or `(H, W, 3)` and alpha `(H, W)`, as they are stored, not turned yet.

    Raises:
        PictureError: the samples have no known white.
    """
    pixels, alpha = _samples(image, stored)
    if stored.covered is not None:
        left, upper, right, lower = stored.covered
        drawn = np.zeros(pixels.shape[:2], np.uint8)
        drawn[upper:lower, left:right] = 255
        alpha = drawn if alpha is None else np.minimum(alpha, drawn)
    return pixels, alpha


def _samples(image: Image.Image, stored: Stored) -> tuple[Bytes2D, Bytes2D | None]:
    if image.mode in SIXTEEN_BIT_MODES or (image.mode == "I" and image.format == "PPM"):
        return _from_sixteen_bits(image, stored)
    if image.mode == "F":
        return _from_floats(np.asarray(image), inverted=stored.white_is_zero), None
    if image.mode == "I":
        raise PictureError(
            "integer samples with a sign or of 32 bits have no known white; "
            "convert the picture to 8 or 16 bits first."
        )
    if image.mode in PRINT_MODES:
        return np.array(print_to_srgb(image)), None
    if stored.monochrome and image.mode in _GRAY_OF:
        image = image.convert(_GRAY_OF[image.mode])
    if stored.key is not None and image.mode in ("1", "L", "RGB"):
        return _with_key(image, stored, stored.key)
    has_alpha = image.mode in _ALPHA_MODES or "transparency" in image.info
    has_alpha = has_alpha or (image.mode == "P" and image.has_transparency_data)
    target = "L" if image.mode in GRAY_MODES else "RGB"
    if not has_alpha:
        return np.array(image.convert(target)), None
    samples = np.array(image.convert(target + "A"))
    colors = samples[..., 0] if target == "L" else samples[..., :3]
    return np.ascontiguousarray(colors), np.ascontiguousarray(samples[..., -1])


def _with_key(
    image: Image.Image, stored: Stored, key: tuple[int, ...]
) -> tuple[Bytes2D, Bytes2D | None]:
    """Return pixels, transparent where they have the color of a PNG's tRNS chunk."""
    target = "L" if image.mode in GRAY_MODES else "RGB"
    image.info.pop("transparency", None)
    pixels = np.array(image.convert(target))
    if len(key) != len(target):
        return pixels, None
    largest = (1 << stored.key_bits) - 1
    wanted = np.array(key) & largest
    if stored.key_bits == 16 and stored.pixel_file is not None:
        low = _low_bytes(stored.pixel_file)
        same = (pixels == wanted >> 8).all(2) & (low == (wanted & 255)).all(2)
    elif target == "RGB":
        same = (pixels == wanted).all(2)
    else:
        same = pixels == wanted[0] * 255 // largest
    return pixels, np.where(same, 0, 255).astype(np.uint8)


def _low_bytes(png: bytes) -> NDArray[np.uint8]:
    """Return the lower halves of the samples of a PNG of 16 bits in RGB, `(H, W, 3)`.

    Pillow returns the upper halves; with the byte order reversed, it returns these.
    """
    with PngImagePlugin.PngImageFile(io.BytesIO(png)) as image:
        tile = image.tile[0]
        image.tile = [tile._replace(args="RGB;16L")]
        image.load()
        return np.array(image)


def _from_sixteen_bits(image: Image.Image, stored: Stored) -> tuple[Bytes2D, Bytes2D | None]:
    """Scale gray samples so that the largest possible one becomes 255, rounding to nearest."""
    samples = np.asarray(image).astype(np.int64)
    white = (1 << stored.bits) - 1
    levels = samples.clip(0, white)
    if stored.white_is_zero:
        levels = white - levels
    pixels = ((levels * 510 + white) // (2 * white)).astype(np.uint8)
    key = stored.key[0] if stored.key else image.info.get("transparency")
    if not isinstance(key, int):
        return pixels, None
    return pixels, np.where(samples == key, 0, 255).astype(np.uint8)


def _from_floats(samples: NDArray[np.float32], *, inverted: bool) -> Bytes2D:
    """Scale floats so that 1 becomes 255; 0 to 1 is what pictures in floats usually hold."""
    # In this form, NaN does not pass.
    if not (samples.min() >= 0 and samples.max() <= 1):
        raise PictureError(
            "floating-point samples are read from 0 (black) to 1 (white), and some of this picture "
            "are outside or not numbers; scale it first."
        )
    levels = np.rint(samples * 255).astype(np.uint8)
    return 255 - levels if inverted else levels


def turned(samples: Bytes2D, orientation: int) -> Bytes2D:
    """Turn stored samples upright; `orientation` as in EXIF 2.32, 4.6.4, 1 to 8."""
    if orientation in (5, 6, 7, 8):
        samples = np.swapaxes(samples, 0, 1)
    if orientation in (3, 4, 7, 8):
        samples = samples[::-1]
    if orientation in (2, 3, 6, 7):
        samples = samples[:, ::-1]
    return np.ascontiguousarray(samples)
