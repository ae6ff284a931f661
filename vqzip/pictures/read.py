"""Pictures from files: whatever Pillow opens, as 8-bit RGB or gray with alpha and metadata."""

from __future__ import annotations

import io
import logging
import threading
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from vqzip.errors import PictureError
from vqzip.pictures.colors import (
    GRAY_MODES,
    PRINT_MODES,
    SIXTEEN_BIT_MODES,
    print_to_srgb,
    stripped,
)
from vqzip.pictures.heic import is_heic, open_heic
from vqzip.pictures.metadata import read_metadata, read_orientation
from vqzip.pictures.not_kept import count_pictures, listed, losses, samples_of, text_losses
from vqzip.pictures.picture import Bytes2D, Picture

_ALPHA_MODES = ("LA", "La", "PA", "RGBA", "RGBa")
_GRAY_OF = {"RGB": "L", "RGBA": "LA"}
_TIFF_BITS_PER_SAMPLE = 258

_pillow_limit = threading.Lock()


# Pillow also complains by logging, which Python prints where nobody listens.
logging.getLogger("PIL").addHandler(logging.NullHandler())


@dataclass(frozen=True, eq=False)
class PictureRead:
    """A picture and what its file had beyond it.

    Args:
        name: of the file.
        picture: what is kept.
        losses: what of pixels and colors is not, and further pictures, each as what the file
            "has", such as `CMYK colors`.
        text_losses: what of the metadata is not, likewise.
    """

    name: str
    picture: Picture
    losses: tuple[str, ...] = ()
    text_losses: tuple[str, ...] = ()

    @property
    def warning(self) -> str | None:
        """One clause that says what is not kept, None if nothing is missing."""
        missing = (*self.losses, *self.text_losses)
        if not missing:
            return None
        return f"{self.name} has {listed(missing)}, which a .vqz file does not keep"

    def refuse_losses(self) -> None:
        """Take nothing but pictures that are kept whole.

        Raises:
            PictureError: something is not kept.
        """
        if self.warning is not None:
            raise PictureError(f"{self.warning}; leave out --strict to convert it.")

    def stripped(self) -> PictureRead:
        """Return the picture in sRGB without metadata, which is no loss then."""
        return PictureRead(self.name, stripped(self.picture), self.losses)


def read_picture(source: Path | bytes, *, max_pixels: int, strict: bool) -> Picture:
    """Read a picture as `read_file` does, without a word about what is not kept.

    Args:
        source: a path, or the bytes of a file.
        max_pixels: largest width times height; checked before pixels are decoded.
        strict: refuse pictures of which something is not kept.

    Raises:
        PictureError: as `read_file`, or something would be lost although `strict`.
    """
    found = read_file(source, max_pixels=max_pixels)
    if strict:
        found.refuse_losses()
    return found.picture


def read_file(source: Path | bytes, *, max_pixels: int) -> PictureRead:
    """Read a picture of any format that Pillow opens, or HEIC, and note what is not kept.

    EXIF orientation is applied. What has no place in a `Picture` is converted: 16 bits to 8 (by
    scale), floats from 0 to 1 likewise, CMYK and Lab to sRGB, palettes to RGB; of an animation the
    first frame is taken. docs/promises/pictures_kept.md has the whole list.

    Args:
        source: a path, or the bytes of a file.
        max_pixels: largest width times height; checked before pixels are decoded.

    Raises:
        PictureError: not a picture, damaged, cut off, too large, or of a kind that cannot be
            converted (samples whose white is not known).
    """
    name = "the picture" if isinstance(source, bytes) else str(source)
    with _pillow_guards(max_pixels):
        try:
            with _open(source, name) as image:
                _check_size(image, name, max_pixels)
                _refuse_programs(image, name)
                samples, pictures = samples_of(image), count_pictures(image)
                image.load()
                _check_size(image, name, max_pixels)
                # Pillow knows no AVIF in gray.
                gray = samples.monochrome and image.mode in _GRAY_OF
                kept = image.convert(_GRAY_OF[image.mode]) if gray else image
                return PictureRead(
                    name,
                    picture_from_image(kept),
                    losses(kept, samples, pictures),
                    text_losses(image),
                )
        except PictureError:
            raise
        except FileNotFoundError as error:
            raise PictureError(f"there is no file {name}; check the path.") from error
        except Image.DecompressionBombError as error:
            raise PictureError(_too_large(name, max_pixels)) from error
        except Exception as error:
            # Pillow's plugins raise nearly anything (struct.error, IndexError, ...) on odd data.
            raise PictureError(
                f"{name} is damaged or no picture that Pillow reads ({_reason(error)}); "
                "check the file, or convert it to PNG."
            ) from error


def picture_from_image(image: Image.Image) -> Picture:
    """Return a Pillow image as a `Picture`, upright and in 8 bits.

    Raises:
        PictureError: the image cannot be loaded, or its samples have no known white.
    """
    try:
        image.load()
    except (OSError, SyntaxError, ValueError) as error:
        raise PictureError(f"the image cannot be loaded ({_reason(error)}).") from error
    pixels, alpha = _pixels_and_alpha(image)
    turn = read_orientation(image)
    pixels = _turn(pixels, turn)
    if alpha is not None:
        alpha = None if int(alpha.min(initial=255)) == 255 else _turn(alpha, turn)
    return Picture(pixels, alpha, read_metadata(image, is_gray=pixels.ndim == 2))


def _pixels_and_alpha(image: Image.Image) -> tuple[Bytes2D, Bytes2D | None]:
    """Return `(H, W)` or `(H, W, 3)` and alpha `(H, W)`, not turned yet."""
    if image.mode in SIXTEEN_BIT_MODES or (image.mode == "I" and image.format == "PPM"):
        return _from_sixteen_bits(image)
    if image.mode == "F":
        return _from_floats(np.asarray(image)), None
    if image.mode == "I":
        raise PictureError(
            "integer samples with a sign or of 32 bits have no known white; "
            "convert the picture to 8 or 16 bits first."
        )
    if image.mode in PRINT_MODES:
        return np.array(print_to_srgb(image)), None
    has_alpha = image.mode in _ALPHA_MODES or "transparency" in image.info
    has_alpha = has_alpha or (image.mode == "P" and image.has_transparency_data)
    target = "L" if image.mode in GRAY_MODES else "RGB"
    if not has_alpha:
        return np.array(image.convert(target)), None
    samples = np.array(image.convert(target + "A"))
    colors = samples[..., 0] if target == "L" else samples[..., :3]
    return np.ascontiguousarray(colors), np.ascontiguousarray(samples[..., -1])


def _from_sixteen_bits(image: Image.Image) -> tuple[Bytes2D, Bytes2D | None]:
    """Scale gray samples so that the largest possible one becomes 255, rounding to nearest."""
    samples = np.asarray(image).astype(np.int64)
    white = (1 << _bits(image)) - 1
    pixels = ((samples.clip(0, white) * 510 + white) // (2 * white)).astype(np.uint8)
    transparent = image.info.get("transparency")
    if not isinstance(transparent, int):
        return pixels, None
    return pixels, np.where(samples == transparent, 0, 255).astype(np.uint8)


def _bits(image: Image.Image) -> int:
    """Return the bits of a gray sample; Pillow hands out 12-bit TIFF samples unscaled."""
    if image.format == "TIFF":
        stored = image.getexif().get(_TIFF_BITS_PER_SAMPLE, 16)
        bits = stored[0] if isinstance(stored, tuple) else stored
        if bits in range(9, 16):
            return int(bits)
    return 16


def _from_floats(samples: NDArray[np.float32]) -> Bytes2D:
    """Scale floats so that 1 becomes 255; 0 to 1 is what pictures in floats usually hold."""
    # Said the other way round, NaN would pass.
    if not (samples.min() >= 0 and samples.max() <= 1):
        raise PictureError(
            "floating-point samples are read from 0 (black) to 1 (white), and some of this picture "
            "are outside or not numbers; scale it first."
        )
    return np.rint(samples * 255).astype(np.uint8)


def _turn(samples: Bytes2D, orientation: int) -> Bytes2D:
    """Turn stored samples upright; `orientation` as in EXIF 2.32, 4.6.4, 1 to 8."""
    if orientation in (5, 6, 7, 8):
        samples = np.swapaxes(samples, 0, 1)
    if orientation in (3, 4, 7, 8):
        samples = samples[::-1]
    if orientation in (2, 3, 6, 7):
        samples = samples[:, ::-1]
    return np.ascontiguousarray(samples)


def _open(source: Path | bytes, name: str) -> Image.Image:
    if is_heic(source):
        return open_heic(source, name)
    return Image.open(io.BytesIO(source) if isinstance(source, bytes) else source)


def _refuse_programs(image: Image.Image, name: str) -> None:
    if image.format == "EPS":
        raise PictureError(f"{name} is PostScript, a program; convert it to PNG first.")


def _check_size(image: Image.Image, name: str, max_pixels: int) -> None:
    if image.width * image.height > max_pixels:
        size = f" with {image.width} x {image.height} pixels"
        raise PictureError(_too_large(name + size, max_pixels))


def _too_large(name: str, max_pixels: int) -> str:
    return f"{name} is larger than the {max_pixels} pixels allowed; raise --max-pixels to read it."


def _reason(error: Exception) -> str:
    return (str(error) or type(error).__name__).rstrip(".")


@contextmanager
def _pillow_guards(max_pixels: int) -> Iterator[None]:
    """Hold Pillow to our limit on pixels, not to its own, and keep its warnings off the screen.

    Both are global to the process, hence the lock.
    """
    with _pillow_limit, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        before, Image.MAX_IMAGE_PIXELS = Image.MAX_IMAGE_PIXELS, max_pixels
        try:
            yield
        finally:
            Image.MAX_IMAGE_PIXELS = before
