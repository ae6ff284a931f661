"""Pictures from files: whatever Pillow opens, as 8-bit RGB or gray with alpha and metadata."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from PIL import Image

from vqzip.errors import PictureError
from vqzip.pictures.colors import stripped
from vqzip.pictures.containers.findings import Findings
from vqzip.pictures.metadata import findings_of_image, metadata_of, orientation_of
from vqzip.pictures.not_kept import listed, losses, raw_bits
from vqzip.pictures.picture import Picture
from vqzip.pictures.samples import (
    Stored,
    pixels_and_alpha,
    stored_in_file,
    stored_in_image,
    turned,
)
from vqzip.pictures.sources import file_content, open_picture, too_large

_TIFF_WIDTH, _TIFF_LENGTH = 256, 257


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
        return self._without((*self.losses, *self.text_losses))

    def refuse_losses(self) -> None:
        """Take nothing but pictures that are kept whole.

        Raises:
            PictureError: something is not kept.
        """
        if self.warning is not None:
            raise PictureError(f"{self.warning}; leave out `strict` to convert it.")

    def refuse_changed_samples(self) -> None:
        """Take nothing but pictures whose samples are all kept; metadata may be missing.

        Raises:
            PictureError: some are not kept.
        """
        changed = self._without(self.losses)
        if changed is not None:
            raise PictureError(f"{changed}; leave out `lossless` to convert it.")

    def _without(self, missing: tuple[str, ...]) -> str | None:
        if not missing:
            return None
        return f"{self.name} has {listed(missing)}, which a .vqz file does not keep"

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
    """Read a picture of any format that Pillow opens, HEIC or JPEG XL, and note what is not kept.

    The orientation is applied. What has no place in a `Picture` is converted: 16 bits to 8 (by
    scale), floats from 0 to 1 likewise, CMYK and Lab to sRGB, palettes to RGB; of an animation the
    first frame is taken. docs/pictures_kept.md has the whole list.

    Args:
        source: a path, also of a pipe, or the bytes of a file.
        max_pixels: largest width times height; checked before pixels are decoded.

    Raises:
        PictureError: not a picture, damaged, cut off, too large, or of a kind that cannot be
            converted (samples whose white is not known).
    """
    name = "the picture" if isinstance(source, bytes) else str(source)
    with _as_picture_errors(name, max_pixels):
        image, found = open_picture(file_content(source), name, max_pixels=max_pixels)
        with image:
            _check_size(image, name, max_pixels)
            _refuse_programs(image, name)
            stored = stored_in_file(found, image)
            found.bits = max(found.bits, raw_bits(image))
            _give_memory(image)
            image.load()
            _check_size(image, name, max_pixels)
            picture = _picture(image, found, stored)
            lost = losses(image, found, is_gray=picture.is_gray)
            return PictureRead(name, picture, lost, tuple(found.text_losses))


def look_at_file(path: Path, *, max_pixels: int) -> None:
    """Open a picture without decoding its pixels.

    Raises:
        PictureError: as `read_file`, as far as the front of a file shows it.
    """
    with _as_picture_errors(str(path), max_pixels):
        image, _ = open_picture(file_content(path), str(path), max_pixels=max_pixels)
        with image:
            _check_size(image, str(path), max_pixels)
            _refuse_programs(image, str(path))


@contextmanager
def _as_picture_errors(name: str, max_pixels: int) -> Iterator[None]:
    """Turn what Pillow's plugins raise into errors of one sentence."""
    try:
        yield
    except PictureError:
        raise
    except FileNotFoundError as error:
        raise PictureError(f"there is no file {name}; check the path.") from error
    except Image.DecompressionBombError as error:
        limit = Image.MAX_IMAGE_PIXELS or 0
        if limit >= max_pixels:
            raise PictureError(too_large(name, max_pixels)) from error
        raise PictureError(
            f"{name} is larger than Pillow's limit of {2 * limit} pixels; raise "
            "PIL.Image.MAX_IMAGE_PIXELS to read it."
        ) from error
    except Exception as error:
        # Pillow's plugins raise nearly anything (struct.error, IndexError, ...) on odd data.
        raise PictureError(
            f"{name} is damaged or no picture that Pillow reads ({_reason(error)}); "
            "check the file, or convert it to PNG."
        ) from error


def picture_from_image(image: Image.Image) -> Picture:
    """Return a Pillow image as a `Picture`, upright and in 8 bits.

    Raises:
        PictureError: it is no image, it cannot be loaded, or its samples have no known white.
    """
    if not isinstance(image, Image.Image):
        raise PictureError(
            f"a PIL image is needed, got {type(image).__name__}; open a file with PIL.Image.open, "
            "and make an image of an array with PIL.Image.fromarray."
        )
    return read_image(image, max_pixels=sys.maxsize).picture


def read_image(image: Image.Image, *, max_pixels: int) -> PictureRead:
    """Read a Pillow image as `read_file` reads a file; what Pillow does not show is not known.

    Args:
        image: opened or made by the caller; it is loaded.
        max_pixels: largest width times height; checked before pixels are decoded.

    Raises:
        PictureError: it is too large, it cannot be loaded, or its samples have no known white.
    """
    _check_size(image, "the image", max_pixels)
    stored = stored_in_image(image)
    found = findings_of_image(image)
    found.bits = max(found.bits, raw_bits(image))
    try:
        image.load()
    except (OSError, SyntaxError, ValueError) as error:
        raise PictureError(f"the image cannot be loaded ({_reason(error)}).") from error
    picture = _picture(image, found, stored)
    lost = losses(image, found, is_gray=picture.is_gray)
    return PictureRead("the image", picture, lost)


def _picture(image: Image.Image, found: Findings, stored: Stored) -> Picture:
    """Return a loaded image with the metadata of its file, upright."""
    if found.icc is not None and "icc_profile" not in image.info:
        # Colors of print are converted by it.
        image.info["icc_profile"] = found.icc
    pixels, alpha = pixels_and_alpha(image, stored)
    turn = orientation_of(found, image)
    pixels = turned(pixels, turn)
    if alpha is not None:
        alpha = None if int(alpha.min(initial=255)) == 255 else turned(alpha, turn)
    return Picture(pixels, alpha, metadata_of(found, is_gray=pixels.ndim == 2))


def _give_memory(image: Image.Image) -> None:
    """Give a TIFF, whose size was checked, the memory for its pixels.

    Its plugin would ask for it by itself, and hold it to Pillow's limit, which is the process's.
    """
    tags = getattr(image, "tag_v2", None)
    if tags is not None and tags.get(_TIFF_WIDTH) and tags.get(_TIFF_LENGTH):
        size = int(tags[_TIFF_WIDTH]), int(tags[_TIFF_LENGTH])
        if image.size in (size, size[::-1]):
            image.im = Image.new(image.mode, size).im


def _refuse_programs(image: Image.Image, name: str) -> None:
    if image.format == "EPS":
        raise PictureError(f"{name} is PostScript, a program; convert it to PNG first.")


def _check_size(image: Image.Image, name: str, max_pixels: int) -> None:
    if image.width * image.height > max_pixels:
        size = f" with {image.width} x {image.height} pixels"
        raise PictureError(too_large(name + size, max_pixels))


def _reason(error: Exception) -> str:
    return (str(error) or type(error).__name__).rstrip(".")
