"""Edits EXIF as bytes: sets the orientation to upright and removes the thumbnail, nothing else.

Writing EXIF again would break maker notes, which contain absolute offsets. So tags are changed in place, and
the data become shorter only if the thumbnail is at the very end, which is its usual place.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass

ORIENTATION = 0x0112
UPRIGHT = 1
BYTE_ORDERS = {b"II*\0": "<", b"MM\0*": ">"}
"""First bytes of a TIFF structure, and the `struct` prefix that they mean."""

_SHORT, _LONG = 3, 4
_VALUE_FORMATS = {_SHORT: "H", _LONG: "I"}
_ENTRY_BYTES = 12
_THUMBNAIL_TAGS = ((0x0201, 0x0202), (0x0111, 0x0117))
"""Offset and length of a JPEG, or of the one strip of an uncompressed picture (EXIF 2.32, 4.5.5)."""


@dataclass(frozen=True)
class _Entry:
    """A tag with one number as its value, and the place of that value."""

    tag: int
    value: int
    place: int
    format: str


def read_exif_orientation(exif: bytes) -> int | None:
    """Return the orientation that EXIF states, legal (1 to 8) or not, None if it states none."""
    entry = _orientation(exif)
    return None if entry is None else entry.value


def kept_exif(exif: bytes) -> bytes:
    """Return EXIF with an orientation of 1, if it has one, and without its thumbnail.

    Args:
        exif: a TIFF structure; damaged parts are left as they are.
    """
    kept = bytearray(exif)
    entry = _orientation(exif)
    if entry is not None:
        struct.pack_into(entry.format, kept, entry.place, UPRIGHT)
    link = _link_to_thumbnail(exif)
    if link is None:
        return bytes(kept)
    order = BYTE_ORDERS[exif[:4]]
    (directory,) = struct.unpack_from(f"{order}I", exif, link)
    tags = {entry.tag: entry.value for entry in _entries(exif, directory)}
    kept[link : link + 4] = bytes(4)
    for offset_tag, length_tag in _THUMBNAIL_TAGS:
        start, length = tags.get(offset_tag, 0), tags.get(length_tag, 0)
        # What begins before the thumbnail's own directory may well be another tag's.
        if directory < start < start + length <= len(kept):
            kept[start : start + length] = bytes(length)
            if not any(kept[start:]):
                del kept[start:]
    return bytes(kept)


def _orientation(exif: bytes) -> _Entry | None:
    first = _first_directory(exif)
    if first is None:
        return None
    return next((entry for entry in _entries(exif, first) if entry.tag == ORIENTATION), None)


def _link_to_thumbnail(exif: bytes) -> int | None:
    """Return where the offset of the second directory stands, the thumbnail's; None if it is 0."""
    first = _first_directory(exif)
    if first is None:
        return None
    order = BYTE_ORDERS[exif[:4]]
    count: int = struct.unpack_from(f"{order}H", exif, first)[0]
    link = first + 2 + count * _ENTRY_BYTES
    if link + 4 > len(exif) or not any(exif[link : link + 4]):
        return None
    return link


def _first_directory(exif: bytes) -> int | None:
    order = BYTE_ORDERS.get(exif[:4])
    if order is None or len(exif) < 8:
        return None
    start: int = struct.unpack_from(f"{order}I", exif, 4)[0]
    return start if start + 2 <= len(exif) else None


def _entries(exif: bytes, directory: int) -> Iterator[_Entry]:
    """Yield the entries of one short or long number in the directory at an offset."""
    order = BYTE_ORDERS[exif[:4]]
    if directory + 2 > len(exif):
        return
    (count,) = struct.unpack_from(f"{order}H", exif, directory)
    for number in range(count):
        start = directory + 2 + number * _ENTRY_BYTES
        if start + _ENTRY_BYTES > len(exif):
            return
        tag, kind, values = struct.unpack_from(f"{order}HHI", exif, start)
        if values == 1 and kind in _VALUE_FORMATS:
            value_format = order + _VALUE_FORMATS[kind]
            (value,) = struct.unpack_from(value_format, exif, start + 8)
            yield _Entry(tag, value, start + 8, value_format)
