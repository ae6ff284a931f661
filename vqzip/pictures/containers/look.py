"""Which container a file is, and what it holds."""

from __future__ import annotations

import struct
from collections.abc import Callable

from vqzip.pictures.containers import (
    bmp,
    gif,
    heif,
    icons,
    jp2,
    jpeg,
    jxl,
    photoshop_file,
    plain,
    png,
    riff,
    tiff,
)
from vqzip.pictures.containers.findings import Findings

Walker = Callable[[bytes, Findings], None]
"""Looks through a file of one format; may raise what damaged bytes lead to."""

WALKERS: dict[str, Walker] = {
    "JPEG": jpeg.walk_jpeg,
    "MPO": jpeg.walk_jpeg,
    "PNG": png.walk_png,
    "GIF": gif.walk_gif,
    "WEBP": riff.walk_webp,
    "TIFF": tiff.walk_tiff,
    "BMP": bmp.walk_bmp,
    "JPEG2000": jp2.walk_jp2,
    "AVIF": heif.walk_heif,
    "HEIF": heif.walk_heif,
    "JXL": jxl.walk_jxl,
    "ICO": icons.walk_ico,
    "CUR": icons.walk_ico,
    "ICNS": icons.walk_icns,
    "PSD": photoshop_file.walk_psd,
    "PPM": plain.walk_pnm,
    "TGA": plain.walk_tga,
    "SGI": plain.walk_sgi,
    "DDS": plain.walk_dds,
}
"""By Pillow's name of the format."""

_FRONTS = {
    b"\xff\xd8\xff": "JPEG",
    png.SIGNATURE: "PNG",
    b"GIF8": "GIF",
    b"\0\0\1\0": "ICO",
}
"""Formats of which Pillow is given the parts alone that pixels need, or that hold several sizes."""


def format_by_front(data: bytes) -> str | None:
    """Return the format of a file that has to be looked through before Pillow opens it."""
    return next((name for front, name in _FRONTS.items() if data[: len(front)] == front), None)


def look_through(data: bytes, image_format: str | None) -> Findings | None:
    """Return what a file holds, None for a format that has no walker.

    Damage ends the walk: what was found before it counts.

    Args:
        data: the whole file.
        image_format: Pillow's name.
    """
    walker = WALKERS.get(image_format or "")
    if walker is None:
        return None
    found = Findings()
    try:
        walker(data, found)
    except (IndexError, ValueError, OverflowError, struct.error):
        # Whether the picture can be used all the same is for its decoder to say.
        found.harmless.append("damage")
    found.count_picture_losses()
    return found
