"""Picture files below a folder."""

from __future__ import annotations

from pathlib import Path

PICTURE_SUFFIXES = (
    *(".avif", ".bmp", ".gif", ".jp2", ".jpeg", ".jpg"),
    *(".pgm", ".png", ".pnm", ".ppm", ".tif", ".tiff", ".webp"),
)


def is_picture_file(path: Path) -> bool:
    """Return whether there is a file with a picture's suffix at `path`."""
    return path.suffix.lower() in PICTURE_SUFFIXES and path.is_file()


def picture_files(folder: Path) -> list[Path]:
    """Return all picture files in `folder` and below it, sorted: no order of the disk's."""
    return sorted(path for path in folder.rglob("*") if is_picture_file(path))
