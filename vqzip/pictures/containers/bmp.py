"""BMP: its headers (BITMAPINFOHEADER to BITMAPV5HEADER), profile, and what follows the pixels."""

from __future__ import annotations

import struct

import numpy as np

from vqzip.pictures.color_numbers import ColorNumbers
from vqzip.pictures.containers.findings import NOT_SRGB, Findings

_CALIBRATED, _LINKED, _EMBEDDED = 0, b"KNIL", b"DEBM"
_FILE_HEADER_BYTES = 14
_V3_BYTES = 56
_V4_BYTES, _V5_BYTES = 108, 124
_BITFIELDS = (3, 6)
_LONGEST_PADDING = 64


def walk_bmp(data: bytes, found: Findings) -> None:
    """Look through a BMP file."""
    header = bytes(data[_FILE_HEADER_BYTES : _FILE_HEADER_BYTES + _V5_BYTES])
    size = int.from_bytes(header[:4], "little")
    width, height, _, bits, compression, stored = (
        struct.unpack("<iiHHII", header[4:24]) if size >= 40 else (0, 0, 1, 8, 0, 0)
    )
    if compression in _BITFIELDS and bits == 32:
        masks = struct.unpack("<3I", data[54:66])
        found.bits = max(mask.bit_count() for mask in (*masks, 1 << 8))
        found.bits = max(8, found.bits)
    elif bits == 64:
        found.bits = 16
    elif compression in _BITFIELDS and bits == 16 and size >= _V3_BYTES:
        _look_at_alpha(data, int.from_bytes(data[66:70], "little"), found)
    end = int.from_bytes(data[10:14], "little")
    end += stored if compression and stored else -(-width * bits // 32) * 4 * abs(height)
    if size >= _V4_BYTES:
        end = max(end, _look_at_colors(data, header, size, found))
    if width:
        found.lose_rest(bytes(data[end:]))


def _look_at_alpha(data: bytes, mask: int, found: Findings) -> None:
    """Note alpha in 16 bits a pixel, which Pillow does not read, where it says anything."""
    start = int.from_bytes(data[10:14], "little")
    pixels = np.frombuffer(data[start : start + (len(data) - start) // 2 * 2], "<u2")
    if mask and len(np.unique(pixels & mask)) > 1:
        found.lose("an alpha channel")


def _look_at_colors(data: bytes, header: bytes, size: int, found: Findings) -> int:
    """Note the color space, and return where an embedded profile ends, 0 without one."""
    space = header[56:60]
    if int.from_bytes(space, "little") == _CALIBRATED:
        found.numbers = _calibrated(header)
        if not any(header[60:108]):
            found.numbers = None
    elif size >= _V5_BYTES and space in (_LINKED, _EMBEDDED):
        start, length = struct.unpack("<II", header[112:120])
        start += _FILE_HEADER_BYTES
        if space == _EMBEDDED and length and start + length <= len(data):
            found.icc = bytes(data[start : start + length])
            return int(start + length)
        found.lose(NOT_SRGB if space == _LINKED else "a damaged ICC profile")
        return int(start + length) if start < len(data) else 0
    else:
        found.harmless.append("sRGB of BMP")
    return 0


def _calibrated(header: bytes) -> ColorNumbers:
    """Return the space of end points and gammas (CIEXYZTRIPLE in 2.30, gammas in 16.16)."""
    ends = [number / (1 << 30) for number in struct.unpack("<9i", header[60:96])]
    gammas = [number / (1 << 16) for number in struct.unpack("<3I", header[96:108])]
    points: list[float] = []
    total = [0.0, 0.0, 0.0]
    for at in (0, 3, 6):
        xyz = ends[at : at + 3]
        points += _chromaticity(xyz)
        total = [a + b for a, b in zip(total, xyz, strict=True)]
    gamma = gammas[0]
    known = max(gammas) - min(gammas) < 0.01 and all(sum(ends[at : at + 3]) > 0 for at in (0, 3, 6))
    numbers = ColorNumbers(tuple(points), _chromaticity(total), gamma, known)
    if known and numbers.is_srgb(gray=False):
        return ColorNumbers()
    return numbers


def _chromaticity(xyz: list[float]) -> tuple[float, float]:
    total = sum(xyz) or 1.0
    return xyz[0] / total, xyz[1] / total
