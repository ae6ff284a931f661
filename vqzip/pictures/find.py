"""Picture files below a folder."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

PICTURE_SUFFIXES = frozenset(
    {
        *(".apng", ".avif", ".avifs", ".blp", ".bmp", ".bw", ".cur", ".dcx", ".dds", ".dib"),
        *(".fit", ".fits", ".flc", ".fli", ".ftc", ".ftu", ".gbr", ".gif", ".heic", ".heics"),
        *(
            ".heif",
            ".heifs",
            ".hif",
            ".icb",
            ".icns",
            ".ico",
            ".im",
            ".j2c",
            ".j2k",
            ".jfif",
            ".jp2",
            ".jpc",
            ".jpe",
        ),
        *(".jpeg", ".jpf", ".jpg", ".jpx", ".jxl", ".mpo", ".msp", ".pbm", ".pcd", ".pcx", ".pfm"),
        *(".pgm", ".png", ".pnm", ".ppm", ".psd", ".pxr", ".qoi", ".ras", ".rgb", ".rgba", ".sgi"),
        *(".tga", ".tif", ".tiff", ".vda", ".vst", ".webp", ".xbm", ".xpm"),
    }
)
"""Suffixes of all formats that are read, except programs and formats for other things."""

_SHADOW = "._"
"""Prefix of files in which macOS stores extra data on other file systems; they are not pictures."""


def is_picture_file(path: Path) -> bool:
    """Return whether there is a file with a picture's suffix at `path`."""
    named = path.suffix.lower() in PICTURE_SUFFIXES and not path.name.startswith(_SHADOW)
    return named and path.is_file()


def picture_files(folder: Path) -> list[Path]:
    """Return all picture files in `folder`, recursively and sorted.

    Links are followed, and each folder is searched once; folders without permission are skipped.
    """
    return [path for path in files_below(folder) if is_picture_file(path)]


def files_below(folder: Path, *, without: Path | None = None) -> list[Path]:
    """Return all files in `folder`, recursively and sorted.

    Args:
        folder: is searched. Links are followed, and each folder is searched once; folders without
            permission are skipped.
        without: a folder that is not searched.
    """
    return sorted(_files(folder, None if without is None else os.path.realpath(without)))


def _files(folder: Path, without: str | None) -> Iterator[Path]:
    seen = {without}
    for place, below, names in os.walk(folder, followlinks=True):
        real = os.path.realpath(place)
        if real in seen and place != os.fspath(folder):
            # A link back up, a second way to the same pictures, or the folder to leave out.
            below.clear()
            continue
        seen.add(real)
        below.sort()
        yield from (Path(place) / name for name in names)
