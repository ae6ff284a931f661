"""Writes pictures to files of any format that Pillow writes, as exactly as the format allows."""

from __future__ import annotations

import io
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from vqzip.errors import PictureError, UsageError
from vqzip.files import Check, is_special, write_special, write_whole
from vqzip.pictures.metadata_out import image_info, save_options, with_tiff_tags, writable
from vqzip.pictures.not_kept import listed
from vqzip.pictures.picture import Bytes2D, Picture

DEFAULT_FORMAT = "PNG"

_NAMED_SUFFIXES = ".png, .webp, .tif, .jpg, .avif, .jp2, .bmp, .ppm"

_ALPHA_FORMATS = frozenset(
    {"AVIF", "DDS", "ICNS", "ICO", "JPEG2000", "PNG", "SGI", "TGA", "TIFF", "WEBP"}
)
"""Formats that Pillow writes an alpha channel to; for others it is laid over white."""

_OPTIONS: dict[str, dict[str, Any]] = {
    "AVIF": {"quality": 100, "subsampling": "4:4:4"},
    "JPEG": {"quality": 95, "subsampling": "4:4:4"},
    # Higher levels take three times as long as level 3 and hardly make photographs smaller.
    "PNG": {"compress_level": 3},
    # exact: keep the colors under alpha 0.
    "WEBP": {"lossless": True, "exact": True},
}


_WITH_QUALITY = ("AVIF", "JPEG", "WEBP")
"""Formats whose quality can be chosen."""


def image_from_picture(picture: Picture) -> Image.Image:
    """Return a Pillow image of mode L, LA, RGB or RGBA, metadata in its `info`."""
    pixels = picture.pixels
    if picture.alpha is not None:
        colors = pixels[..., None] if picture.is_gray else pixels
        pixels = np.concatenate([colors, picture.alpha[..., None]], axis=2)
    image = Image.fromarray(np.ascontiguousarray(pixels))
    image.info.update(image_info(picture.metadata))
    return image


def format_of(path: Path) -> str:
    """Return Pillow's name of the format that a path's suffix asks for; PNG without a suffix.

    Raises:
        PictureError: Pillow writes no format with this suffix.
    """
    if not path.suffix:
        return DEFAULT_FORMAT
    suffix = path.suffix.lower()
    # The usual formats first: to import all of Pillow's takes longer than to decode a small picture.
    Image.preinit()
    image_format = Image.EXTENSION.get(suffix) or Image.registered_extensions().get(suffix)
    # Where vqzip's own plugin is registered, Pillow could write .vqz files, too.
    if image_format is None or image_format not in Image.SAVE or suffix == ".vqz":
        raise PictureError(
            f"{path} has a suffix that names no format to write; use one such as {_NAMED_SUFFIXES}."
        )
    return image_format


@dataclass(frozen=True)
class Written:
    """A picture file.

    Args:
        data: the whole file.
        left_out: what of the picture's metadata the format does not hold, in words.
    """

    data: bytes
    left_out: tuple[str, ...]


def options_of(image_format: str, quality: int | None) -> dict[str, Any]:
    """Return the options of Pillow's writer of a format.

    Args:
        image_format: Pillow's name.
        quality: 1 to 100; None for the best that makes sense.

    Raises:
        UsageError: the format has no quality.
    """
    usual = _OPTIONS.get(image_format, {})
    if quality is None:
        return usual
    if image_format not in _WITH_QUALITY:
        raise UsageError(
            f"{image_format} has no `output_quality`; {listed(_WITH_QUALITY)} have one."
        )
    return (
        {**usual, "lossless": False, "quality": quality}
        if image_format == "WEBP"
        else {**usual, "quality": quality}
    )


def how_written(image_format: str, quality: int | None) -> str:
    """Return format and quality of a file in words."""
    options = options_of(image_format, quality)
    if options.get("lossless"):
        return f"{image_format} lossless"
    return f"{image_format} quality {options['quality']}" if "quality" in options else image_format


def picture_to_bytes(picture: Picture, image_format: str) -> bytes:
    """Return a file of a format that Pillow writes; see `written_picture`."""
    return written_picture(picture, image_format).data


def written_picture(picture: Picture, image_format: str, quality: int | None = None) -> Written:
    """Return a file of a format that Pillow writes.

    JPEG gets quality 95, AVIF quality 100, both full color resolution; WebP and TIFF are lossless; where the
    format has no alpha, the picture is laid over white.

    Args:
        picture: what to write.
        image_format: Pillow's name, `format_of` gives it.
        quality: of JPEG, WebP and AVIF, 1 to 100, instead.

    Raises:
        UsageError: the format has no quality.
        PictureError: the format cannot hold a picture of this size.
    """
    chosen = options_of(image_format, quality)
    if picture.alpha is not None and image_format not in _ALPHA_FORMATS:
        picture = _over_white(picture, picture.alpha)
    fit = writable(picture.metadata, image_format, is_gray=picture.is_gray)
    image = image_from_picture(picture)
    # Otherwise writers would find metadata there that are left out.
    image.info.clear()
    file = io.BytesIO()
    try:
        options = save_options(fit.metadata, image_format)
        image.save(file, image_format, **options, **chosen)
    except Exception as error:
        # Pillow's writers raise nearly anything, OSError, struct.error and KeyError among it.
        reason = (str(error) or type(error).__name__).rstrip(".")
        raise PictureError(
            f"{image_format} cannot hold this picture ({reason}); write a PNG instead."
        ) from error
    data = file.getvalue()
    if image_format == "TIFF":
        data = with_tiff_tags(data, fit.metadata)
    return Written(data, fit.left_out)


def write_picture(picture: Picture, path: Path, *, force: bool = False) -> None:
    """Write a picture in the format of the path's suffix, whole or not at all.

    Raises:
        PictureError: unknown suffix, a picture that the format cannot hold, a file that is there
            already (without `force`), or a folder that cannot be written to.
    """
    write_atomically(path, picture_to_bytes(picture, format_of(path)), force=force)


def write_atomically(
    path: Path,
    data: bytes,
    *,
    force: bool,
    check: Check | None = None,
    times: tuple[int, int] | None = None,
) -> None:
    """Write a file under a temporary name in its folder, then move it to its place.

    Args:
        path: where to; links are followed. Devices and pipes are written to directly.
        data: the whole file.
        force: replace an existing file.
        check: is given what was written before it is moved to its place; may raise.
        times: of access and change that the file is given, in ns.

    Raises:
        PictureError: the file is there (without `force`), or it cannot be written.
    """
    path = Path(path)
    try:
        if is_special(path):
            if check is not None:
                check(data)
            write_special(path, data)
            return
        path = path.resolve()
        if path.is_dir():
            raise PictureError(f"{path} is a folder; name a file in it.")
        write_whole(path, data, replace=force, check=check)
        if times is not None:
            os.utime(path, ns=times)
    except FileExistsError as error:
        raise PictureError(f"{path} already exists; use `force` to overwrite it.") from error
    except OSError as error:
        raise PictureError(
            f"{path} cannot be written ({error.strerror or error}); check folder and permissions."
        ) from error


def _over_white(picture: Picture, alpha: Bytes2D) -> Picture:
    cover = alpha.astype(np.int32)
    if not picture.is_gray:
        cover = cover[..., None]
    mixed = picture.pixels * cover + 255 * (255 - cover)
    return Picture(((mixed + 127) // 255).astype(np.uint8), None, picture.metadata)
