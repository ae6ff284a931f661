"""Photoshop's image resources (`8BIM`), found in JPEG, TIFF, PSD and in texts of PNG."""

from __future__ import annotations

from collections.abc import Iterator

from vqzip.pictures.containers.findings import IPTC, Findings

_IPTC, _ICC, _EXIF, _XMP = 0x0404, 0x040F, 0x0422, 0x0424
_HARMLESS = frozenset(
    {
        *(0x03E9, 0x03EA, 0x03EB, 0x03ED, 0x03F0, 0x03F3, 0x03F5, 0x03F8, 0x03FD, 0x0400, 0x0402),
        *(0x0406, 0x0408, 0x0409, 0x040A, 0x040C, 0x040D, 0x0410, 0x0411, 0x0414, 0x0416),
        *(0x0419, 0x041A, 0x041E, 0x0421, 0x0425, 0x0426, 0x0428, 0x042D, 0x0430, 0x0433, 0x0434),
        *(0x043A, 0x043B, 0x043C, 0x043D, 0x043E, 0x0440, 0x2710),
    }
)
"""Of printing, windows, guides, grids, thumbnails, checksums of IPTC, and whether there are rights."""


def walk_resources(data: bytes, found: Findings) -> None:
    """Look through a block of image resources."""
    for number, content in _resources(data):
        if number == _IPTC:
            if content:
                found.lose_text(IPTC)
        elif number == _ICC:
            found.icc = found.icc or content
        elif number == _EXIF:
            found.exif = found.exif or content
        elif number == _XMP:
            found.xmp = found.xmp or content
        elif number in _HARMLESS:
            found.harmless.append(f"8BIM {number:#06x}")
        else:
            found.lose_part(f"Photoshop resource {number:#06x}")


def _resources(data: bytes) -> Iterator[tuple[int, bytes]]:
    at = 0
    while data[at : at + 4] in (b"8BIM", b"8B64", b"MeSa", b"AgHg", b"PHUT", b"DCSR"):
        number = int.from_bytes(data[at + 4 : at + 6], "big")
        # A name of Pascal's, with its length made up to an even number.
        at += 6 + (data[at + 6] + 2) // 2 * 2
        size = int.from_bytes(data[at : at + 4], "big")
        yield number, data[at + 4 : at + 4 + size]
        at += 4 + size + size % 2
