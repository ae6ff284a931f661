"""The pictures to measure on: found in a folder, read as plain 8-bit RGB or gray."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from vqzip.errors import PictureError
from vqzip.files import shown_name
from vqzip.pictures.find import picture_files
from vqzip.pictures.hidden import visible_pixels, with_hidden_filled
from vqzip.pictures.picture import Picture
from vqzip.pictures.read import read_picture

MAX_PIXELS = 1 << 28
"""Larger pictures are refused unless the caller allows them: 268 megapixel."""


@dataclass(frozen=True)
class SourcePicture:
    """A picture file, and the name it has in results.

    The name is the path below the folder searched, as `shown_name` writes it: results are text.
    """

    name: str
    path: Path


def find_pictures(source: Path) -> tuple[SourcePicture, ...]:
    """Return the picture at `source`, or all pictures in the folder, recursively, sorted by name.

    Raises:
        PictureError: `source` does not exist or has no pictures.
    """
    if source.is_file():
        return (SourcePicture(shown_name(source.name), source),)
    if not source.is_dir():
        raise PictureError(f"there is no picture or folder '{source}'; check the path.")
    found = sorted(
        (shown_name(path.relative_to(source).as_posix()), path) for path in picture_files(source)
    )
    if not found:
        raise PictureError(f"there are no pictures in '{source}'; give another folder.")
    return tuple(SourcePicture(name, path) for name, path in found)


def readable_pictures(
    pictures: Sequence[SourcePicture], failed: dict[str, str], max_pixels: int = MAX_PIXELS
) -> tuple[SourcePicture, ...]:
    """Return the pictures that can be read, before time is spent on any of them.

    Args:
        pictures: from `find_pictures`.
        failed: is given the names of the others, with the reason.
        max_pixels: larger pictures are refused.

    Raises:
        PictureError: none of them can be read.
    """
    for source in pictures:
        try:
            read_visible(source, max_pixels)
        except PictureError as error:  # noqa: PERF203
            failed[source.name] = str(error)
    readable = tuple(source for source in pictures if source.name not in failed)
    if pictures and not readable:
        raise PictureError(failed[pictures[0].name])
    return readable


def spread(pictures: tuple[SourcePicture, ...], limit: int | None) -> tuple[SourcePicture, ...]:
    """Return at most `limit` pictures, evenly spaced over the whole list."""
    if limit is None or limit >= len(pictures):
        return pictures
    return tuple(pictures[i * len(pictures) // limit] for i in range(limit))


def read_plain(source: SourcePicture, max_pixels: int = MAX_PIXELS) -> Picture:
    """Read the colors of a picture, without alpha and metadata, so that file sizes are comparable.

    Raises:
        PictureError: it cannot be read; the message names the file.
    """
    return read_visible(source, max_pixels)[0]


def read_visible(
    source: SourcePicture, max_pixels: int = MAX_PIXELS
) -> tuple[Picture, NDArray[np.bool_] | None]:
    """Read the colors of a picture, and which pixels are visible.

    Returns:
        The picture without alpha and metadata, colors under alpha 0 replaced as an encoder does,
        and `(H, W)`, whether a pixel is visible; None when all of them are.

    Raises:
        PictureError: it cannot be read; the message names the file.
    """
    try:
        picture = read_picture(source.path, max_pixels=max_pixels, strict=False)
    except PictureError as error:
        message = str(error)
        named = message if source.path.name in message else f"{source.path}: {message}"
        raise PictureError(named) from error
    return Picture(with_hidden_filled(picture).pixels), visible_pixels(picture)
