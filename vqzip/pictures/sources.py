"""Sources of pictures: files, pipes, bytes; and a search through Pillow's plugins."""

from __future__ import annotations

import io
import logging
import mmap
import stat
import struct
from collections.abc import Callable
from pathlib import Path
from typing import IO, cast

from PIL import Image

from vqzip.errors import PictureError
from vqzip.pictures import limits
from vqzip.pictures.containers import jxl
from vqzip.pictures.containers.findings import Findings
from vqzip.pictures.containers.look import format_by_front, look_through
from vqzip.pictures.containers.plain import look_at_info

MAPPED_FROM_BYTES = 1 << 28
"""Larger files are mapped into memory instead of being read whole."""

_FRONT_BYTES = 64
_HEVC_BRANDS = (b"heic", b"heix", b"hevc", b"hevx", b"heim", b"heis", b"hevm", b"hevs")
"""Of pictures and sequences coded by HEVC (ISO/IEC 23008-12, annex B)."""

# Pillow also complains by logging, which Python prints where nobody listens.
logging.getLogger("PIL").addHandler(logging.NullHandler())


def file_content(source: Path | bytes) -> bytes:
    """Return the bytes of a file; what is no regular file (a pipe, a terminal) is read once, to its end.

    Raises:
        OSError: it cannot be read.
    """
    if isinstance(source, bytes):
        return source
    with source.open("rb") as file:
        status = file.fileno()
        size = file.seek(0, io.SEEK_END) if _is_regular(source) else 0
        if size > MAPPED_FROM_BYTES:
            # It is read like bytes: sliced, searched.
            return cast("bytes", mmap.mmap(status, 0, access=mmap.ACCESS_READ))
        if size:
            file.seek(0)
        return file.read()


def open_picture(data: bytes, name: str, *, max_pixels: int) -> tuple[Image.Image, Findings]:
    """Return an image, opened and not loaded, and what its file holds.

    Neither Pillow's limit on pixels nor its warnings' filters are changed or needed: both belong to
    the whole process.

    Args:
        data: the whole file.
        name: for errors.
        max_pixels: largest width times height.

    Raises:
        PictureError: it holds a larger picture, or a package that this format needs is not installed.
        Exception: what plugins raise on damaged files.
    """
    if limits.own_process:
        Image.MAX_IMAGE_PIXELS = max_pixels
    if is_heic(data):
        image = _open_heic(data, name)
    elif data[: len(jxl.CONTAINER)] == jxl.CONTAINER or data[:2] == jxl.CODESTREAM:
        image = _open_jxl(data, name)
    else:
        found = look_through(data, format_by_front(data))
        if found is not None:
            if found.largest_pixels > max_pixels:
                raise PictureError(too_large(name, max_pixels))
            return _open_by_plugin(found.pixel_file or data), found
        image = _open_by_plugin(data)
    found = look_through(data, image.format)
    if found is not None and image.format == "JXL":
        # It is part of the coded picture.
        found.icc = image.info.get("icc_profile")
    if found is None:
        found = Findings(pictures=_count_pictures(image))
        look_at_info(image.info, found)
        found.count_picture_losses()
    return image, found


def too_large(name: str, max_pixels: int) -> str:
    """Return what is said of a picture with too many pixels."""
    return f"{name} is larger than the {max_pixels} pixels allowed; raise `max_pixels` to read it."


def _is_regular(path: Path) -> bool:
    return stat.S_ISREG(path.stat().st_mode)


def _open_by_plugin(data: bytes) -> Image.Image:
    """Return what the first of Pillow's plugins that knows the bytes makes of them.

    `Image.open` does the same, and holds the size to a limit that is shared by the process.
    """
    file: IO[bytes] = io.BytesIO(data) if isinstance(data, bytes) else data
    prefix = data[:16]
    for find_plugins in (Image.preinit, Image.init):
        find_plugins()
        for name in tuple(Image.ID):
            factory, accept = Image.OPEN[name]
            accepted = accept is None or accept(prefix)
            if not accepted or isinstance(accepted, str):
                continue
            file.seek(0)
            try:
                return factory(file, "")
            except (SyntaxError, IndexError, TypeError, struct.error):
                # Not what this plugin reads, after all.
                continue
    raise ValueError("its first bytes are those of no known format")


def _count_pictures(image: Image.Image) -> int:
    """Return how many pictures Pillow finds in a file of a format without a walker."""
    try:
        return int(getattr(image, "n_frames", 1))
    except Exception:  # noqa: BLE001
        # What follows the first picture is damaged: there is something, and it cannot be counted.
        return 2


def is_heic(data: bytes) -> bool:
    """Return whether the front of a file names a brand of HEIC."""
    front = data[:_FRONT_BYTES]
    if front[4:8] != b"ftyp":
        return False
    # Size, `ftyp`, the brand, a version, then the brands that the file is compatible with.
    size = min(int.from_bytes(front[:4], "big"), len(front))
    return any(front[start : start + 4] in _HEVC_BRANDS for start in (8, *range(16, size, 4)))


def _open_heic(data: bytes, name: str) -> Image.Image:
    try:
        from pillow_heif import HeifImageFile
    except ImportError as error:
        raise PictureError(
            f"{name} is HEIC, which needs pillow-heif: pip install vqzip[heic]"
        ) from error
    # The class itself: registering it would change what Pillow opens in the whole process.
    open_file: Callable[[IO[bytes]], Image.Image] = HeifImageFile
    return open_file(io.BytesIO(bytes(data)))


def _open_jxl(data: bytes, name: str) -> Image.Image:
    try:
        from pillow_jxl.JpegXLImagePlugin import JXLImageFile
    except ImportError as error:
        raise PictureError(
            f"{name} is JPEG XL, which needs pillow-jxl-plugin: pip install pillow-jxl-plugin"
        ) from error
    open_file: Callable[[IO[bytes]], Image.Image] = JXLImageFile
    return open_file(io.BytesIO(bytes(data)))
