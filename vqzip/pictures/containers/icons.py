"""Icons: ICO and CUR of Windows, ICNS of macOS. The largest picture inside is the one that is read."""

from __future__ import annotations

import struct

from vqzip.pictures.containers.findings import Findings
from vqzip.pictures.containers.jp2 import walk_jp2
from vqzip.pictures.containers.png import SIGNATURE, walk_png

_ICNS_PICTURES = (
    *(b"ic10", b"ic09", b"ic14", b"ic08", b"ic13", b"ic07", b"it32", b"icp6", b"ic12"),
    *(b"ih32", b"icp5", b"il32", b"ic11", b"icp4", b"is32"),
)
"""Largest first, as Pillow chooses."""
_ICNS_HARMLESS = (
    b"t8mk",
    b"h8mk",
    b"l8mk",
    b"s8mk",
    b"TOC ",
    b"icnV",
    b"ICN#",
    b"icm#",
    b"ics#",
    b"ich#",
)
_JP2_FRONT = b"\0\0\0\x0cjP  "


def walk_ico(data: bytes, found: Findings) -> None:
    """Look through an ICO or CUR file."""
    count = int.from_bytes(data[4:6], "little")
    entries = [struct.unpack("<BBBBHHII", data[6 + 16 * i : 22 + 16 * i]) for i in range(count)]
    if not entries:
        return

    def area(entry: tuple[int, ...]) -> tuple[int, int]:
        return (entry[0] or 256) * (entry[1] or 256), -entry[5]

    size, offset = max(entries, key=area)[6:8]
    if data[offset : offset + 8] == SIGNATURE:
        _look_inside(bytes(data[offset : offset + size]), found)
        size_of = struct.unpack(">II", data[offset + 16 : offset + 24])
    else:
        size_of = struct.unpack("<II", data[offset + 4 : offset + 12])
    found.largest_pixels = size_of[0] * size_of[1]
    found.pictures = count
    found.lose_rest(bytes(data[max(entry[7] + entry[6] for entry in entries) :]))


def walk_icns(data: bytes, found: Findings) -> None:
    """Look through an ICNS file."""
    end = min(int.from_bytes(data[4:8], "big"), len(data))
    at, parts = 8, {}
    while at + 8 <= end:
        kind, size = bytes(data[at : at + 4]), int.from_bytes(data[at + 4 : at + 8], "big")
        if size < 8:
            break
        parts[kind] = bytes(data[at + 8 : at + size])
        at += size
    pictures = [kind for kind in _ICNS_PICTURES if kind in parts]
    for kind in parts:
        if kind not in _ICNS_HARMLESS and kind not in pictures:
            found.lose_part(f"{kind.decode('latin-1')} element")
    if pictures:
        _look_inside(parts[pictures[0]], found)
    found.pictures = max(1, len(pictures))
    found.lose_rest(bytes(data[end:]))


def _look_inside(data: bytes, found: Findings) -> None:
    """Look through the picture that is read; its pixels are Pillow's to find."""
    if data.startswith(SIGNATURE):
        walk_png(data, found)
    elif data.startswith(_JP2_FRONT):
        walk_jp2(data, found)
    found.pixel_file = None
    found.key = None
