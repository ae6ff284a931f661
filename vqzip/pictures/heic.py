"""HEIC, which Pillow does not read: by pillow-heif where it is installed, else a sentence."""

from __future__ import annotations

import io
from collections.abc import Callable
from pathlib import Path
from typing import IO

from PIL import Image

from vqzip.errors import PictureError

_FRONT_BYTES = 64
_BRANDS = (b"heic", b"heix", b"hevc", b"hevx", b"heim", b"heis", b"hevm", b"hevs")
"""Of pictures and sequences coded by HEVC (ISO/IEC 23008-12, annex B)."""


def is_heic(source: Path | bytes) -> bool:
    """Return whether the front of a file, or its bytes, names a brand of HEIC.

    Raises:
        OSError: the file cannot be read.
    """
    if isinstance(source, bytes):
        front = source[:_FRONT_BYTES]
    else:
        with source.open("rb") as file:
            front = file.read(_FRONT_BYTES)
    if front[4:8] != b"ftyp":
        return False
    # Size, `ftyp`, the brand, a version, then the brands that the file is compatible with.
    size = min(int.from_bytes(front[:4], "big"), len(front))
    return any(front[start : start + 4] in _BRANDS for start in (8, *range(16, size, 4)))


def open_heic(source: Path | bytes, name: str) -> Image.Image:
    """Return a HEIC file opened, not loaded.

    Args:
        source: a path, or the bytes of a file.
        name: of the picture, for the error.

    Raises:
        PictureError: pillow-heif is not installed.
        Exception: what it raises on damaged files.
    """
    try:
        from pillow_heif import HeifImageFile
    except ImportError as error:
        raise PictureError(
            f"{name} is HEIC, which needs pillow-heif: pip install vqzip[heic]"
        ) from error
    # The class itself: registering it would change what Pillow opens in the whole process.
    open_file: Callable[[IO[bytes] | Path], Image.Image] = HeifImageFile
    return open_file(io.BytesIO(source) if isinstance(source, bytes) else source)
