"""Pictures from files: whatever Pillow opens, as 8-bit RGB or gray with alpha and metadata."""

from __future__ import annotations

import io
import threading
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
from PIL import Image, ImageCms

from vqzip.errors import PictureError
from vqzip.pictures.metadata import read_metadata, read_orientation
from vqzip.pictures.picture import Bytes2D, Picture

_SIXTEEN_BIT_MODES = ("I;16", "I;16L", "I;16B", "I;16N")
_ALPHA_MODES = ("LA", "La", "PA", "RGBA", "RGBa")
_GRAY_MODES = ("1", "L", "LA", "La")
_TIFF_BITS_PER_SAMPLE = 258

_pillow_limit = threading.Lock()


def read_picture(source: Path | bytes, *, max_pixels: int, strict: bool) -> Picture:
    """Read a picture of any format that Pillow opens.

    EXIF orientation is applied. What has no place in a `Picture` is converted: 16 bits to 8 (by
    scale), CMYK and Lab to sRGB, palettes to RGB; of an animation the first frame is taken.

    Args:
        source: a path, or the bytes of a file.
        max_pixels: largest width times height; checked before pixels are decoded.
        strict: refuse pictures that such a conversion would take something from.

    Raises:
        PictureError: not a picture, damaged, cut off, too large, of a kind that cannot be
            converted (32-bit samples), or lossy to read although `strict`.
    """
    name = "the picture" if isinstance(source, bytes) else str(source)
    with _pillow_guards(max_pixels):
        try:
            with Image.open(io.BytesIO(source) if isinstance(source, bytes) else source) as image:
                _check_size(image, name, max_pixels)
                _check_kind(image, name, strict=strict)
                image.load()
                _check_size(image, name, max_pixels)
                return picture_from_image(image)
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
        PictureError: the image cannot be loaded or has samples of 32 bits.
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
    if image.mode in _SIXTEEN_BIT_MODES or (image.mode == "I" and image.format == "PPM"):
        return _from_sixteen_bits(image)
    if image.mode in ("I", "F"):
        raise PictureError(
            f"pictures with samples of 32 bits (mode {image.mode}) have no fixed white; "
            "convert the picture to 8 or 16 bits first."
        )
    if image.mode in ("CMYK", "LAB"):
        return np.array(_to_srgb(image)), None
    has_alpha = image.mode in _ALPHA_MODES or "transparency" in image.info
    has_alpha = has_alpha or (image.mode == "P" and image.has_transparency_data)
    target = "L" if image.mode in _GRAY_MODES else "RGB"
    if not has_alpha:
        return np.array(image.convert(target)), None
    samples = np.array(image.convert(target + "A"))
    colours = samples[..., 0] if target == "L" else samples[..., :3]
    return np.ascontiguousarray(colours), np.ascontiguousarray(samples[..., -1])


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


def _to_srgb(image: Image.Image) -> Image.Image:
    """Convert CMYK or Lab to sRGB, by the embedded profile where it is there and good."""
    srgb = ImageCms.createProfile("sRGB")
    icc = image.info.get("icc_profile")
    try:
        if image.mode == "LAB":
            source = ImageCms.ImageCmsProfile(ImageCms.createProfile("LAB"))
        elif icc:
            source = ImageCms.ImageCmsProfile(io.BytesIO(icc))
        else:
            return image.convert("RGB")
        transform = ImageCms.buildTransform(source, srgb, image.mode, "RGB")
        converted = ImageCms.applyTransform(image, transform)
    except (ImageCms.PyCMSError, OSError, ValueError) as error:
        if image.mode == "LAB":
            raise PictureError(
                f"the Lab picture cannot be converted ({_reason(error)})."
            ) from error
        return image.convert("RGB")
    return converted or image.convert("RGB")


def _turn(samples: Bytes2D, orientation: int) -> Bytes2D:
    """Turn stored samples upright; `orientation` as in EXIF 2.32, 4.6.4, 1 to 8."""
    if orientation in (5, 6, 7, 8):
        samples = np.swapaxes(samples, 0, 1)
    if orientation in (3, 4, 7, 8):
        samples = samples[::-1]
    if orientation in (2, 3, 6, 7):
        samples = samples[:, ::-1]
    return np.ascontiguousarray(samples)


def _check_size(image: Image.Image, name: str, max_pixels: int) -> None:
    if image.width * image.height > max_pixels:
        size = f" with {image.width} x {image.height} pixels"
        raise PictureError(_too_large(name + size, max_pixels))


def _too_large(name: str, max_pixels: int) -> str:
    return f"{name} is larger than the {max_pixels} pixels allowed; raise --max-pixels to read it."


def _check_kind(image: Image.Image, name: str, *, strict: bool) -> None:
    """Refuse PostScript, and what `strict` refuses; the image is open but not loaded."""
    if image.format == "EPS":
        raise PictureError(f"{name} is PostScript, a program; convert it to PNG first.")
    loss = _what_is_lost(image) if strict else None
    if loss is not None:
        raise PictureError(f"{name} {loss}; leave out --strict to convert it.")


def _what_is_lost(image: Image.Image) -> str | None:
    frames = getattr(image, "n_frames", 1)
    if frames > 1:
        return f"holds {frames} pictures, of which one would be kept"
    # A tile is (decoder, box, offset, arguments); the arguments begin with the stored format.
    arguments = [tile[3] for tile in getattr(image, "tile", [])]
    stored = [str(a[0] if isinstance(a, tuple) and a else a) for a in arguments]
    # "RGB;16B" has 16 bits a sample, "BGR;16" has 16 a pixel.
    deep = any(";1" in name and name[-2:] != ";1" and name[:3] != "BGR" for name in stored)
    if deep or image.mode in (*_SIXTEEN_BIT_MODES, "I", "F"):
        return "has more than 8 bits a sample"
    if image.mode in ("CMYK", "LAB"):
        return f"is in {image.mode} colours, which RGB does not hold exactly"
    return None


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
