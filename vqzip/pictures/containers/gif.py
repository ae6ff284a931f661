"""GIF: its blocks and extensions (GIF89a), and what follows the trailer."""

from __future__ import annotations

import struct

from vqzip.pictures.containers.findings import TEXT, Findings

_EXTENSION, _IMAGE, _TRAILER = 0x21, 0x2C, 0x3B
_COMMENT, _APPLICATION, _PLAIN_TEXT, _CONTROL = 0xFE, 0xFF, 0x01, 0xF9
_LOOPS = (b"NETSCAPE2.0", b"ANIMEXTS1.0")
_ICC, _XMP = b"ICCRGBG1012", b"XMP DataXMP"
_XMP_TRAILER_BYTES = 257
"""A byte 1, then 255 down to 0: readers that take XMP for sub-blocks come to its end anyhow."""


def walk_gif(data: bytes, found: Findings) -> None:
    """Look through a GIF file."""
    found.pictures = 0
    at = 13 + _table_bytes(data[10])
    while at < len(data) and data[at] != _TRAILER:
        if data[at] == _IMAGE:
            left, top, width, height = struct.unpack("<4H", data[at + 1 : at + 9])
            if not found.pictures:
                # The others are not read.
                found.largest_pixels = (left + width) * (top + height)
            found.pictures += 1
            at = _after_blocks(data, at + 11 + _table_bytes(data[at + 9]))
        elif data[at] == _EXTENSION:
            at = _extension(data, at, found)
        else:
            break
    found.pictures = max(1, found.pictures)
    if at < len(data) and data[at] == _TRAILER:
        found.lose_rest(bytes(data[at + 1 :]))


def _table_bytes(flags: int) -> int:
    return 3 << (flags & 7) + 1 if flags & 0x80 else 0


def _after_blocks(data: bytes, at: int) -> int:
    while data[at]:
        at += 1 + data[at]
    return at + 1


def _blocks(data: bytes, at: int) -> bytes:
    parts = []
    while data[at]:
        parts.append(bytes(data[at + 1 : at + 1 + data[at]]))
        at += 1 + data[at]
    return b"".join(parts)


def _extension(data: bytes, at: int, found: Findings) -> int:
    """Look at an extension and return where it ends."""
    kind = data[at + 1]
    if kind == _COMMENT:
        if _blocks(data, at + 2).strip(b"\0 "):
            found.lose_text(TEXT)
    elif kind == _PLAIN_TEXT:
        found.lose("text drawn over the picture")
    elif kind == _APPLICATION:
        _application(data, at, found)
    elif kind == _CONTROL:
        found.harmless.append("times of frames")
    else:
        found.lose_part(f"GIF extension {kind:#04x}")
    return _after_blocks(data, at + 2)


def _application(data: bytes, at: int, found: Findings) -> None:
    name = bytes(data[at + 3 : at + 14])
    content = at + 3 + data[at + 2]
    if name in _LOOPS:
        found.harmless.append("loops")
    elif name == _ICC:
        found.icc = _blocks(data, content)
    elif name == _XMP:
        end = _after_blocks(data, content)
        packet = bytes(data[content : end - 1 - _XMP_TRAILER_BYTES])
        found.xmp = packet if b"<" in packet else None
    else:
        found.lose_part(name.decode("latin-1"))
