"""JPEG: its segments (ITU-T T.81, annex B), and what follows the end of the first picture."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from vqzip.pictures.containers.findings import (
    EXTENDED_XMP,
    GAIN_MAP,
    TEXT,
    VIDEO,
    Findings,
)
from vqzip.pictures.containers.ifd import Directories
from vqzip.pictures.containers.photoshop import walk_resources
from vqzip.pictures.containers.xmp import names_gain_map

SOI, EOI, SOS, COMMENT = 0xD8, 0xD9, 0xDA, 0xFE
_APP0, _APP1, _APP2, _APP13, _APP14, _APP15 = 0xE0, 0xE1, 0xE2, 0xED, 0xEE, 0xEF
_FRAMES = (*range(0xC0, 0xC4), *range(0xC5, 0xC8), *range(0xC9, 0xCC), *range(0xCD, 0xD0))
_ALONE = (*range(0xD0, 0xD8), 0x01)
_MARKER_IN_SCAN = re.compile(rb"\xff[^\x00\xd0-\xd7\xff]")

EXIF_MARK, XMP_MARK = b"Exif\0", b"http://ns.adobe.com/xap/1.0/\0"
_EXTENDED_MARK = b"http://ns.adobe.com/xmp/extension/\0"
_ICC_MARK, _MPF_MARK, _PHOTOSHOP_MARK = b"ICC_PROFILE\0", b"MPF\0", b"Photoshop 3.0\0"
_GAIN_MAP_MARKS = (b"urn:iso:std:iso:ts:21496:-1\0", b"HDRGAINMAP")
_HARMLESS = (
    # Resolution and a thumbnail, the transform of colors, the settings of an encoder.
    *((_APP0, b"JFIF\0"), (_APP0, b"JFXX\0"), (_APP14, b"Adobe")),
    *((0xEC, b"Ducky"), (_APP0, b"AVI1"), (0xED, b"Adobe_CM\0")),
)
_MP_ENTRIES = 0xB002
_MP_ENTRY_BYTES = 16


@dataclass(frozen=True)
class Segment:
    """A marker with what belongs to it.

    Args:
        marker: second byte of the marker.
        start: of the marker in the file.
        end: behind the segment; for SOS, behind the coded samples.
        content: without marker and length.
    """

    marker: int
    start: int
    end: int
    content: bytes


def segments(data: bytes) -> Iterator[Segment]:
    """Yield the segments up to the end of the first picture, or to where the file is damaged."""
    at = 2
    while at + 1 < len(data):
        at = data.find(b"\xff", at)
        if at < 0 or at + 1 >= len(data):
            return
        marker = data[at + 1]
        if marker in (0x00, 0xFF):
            at += 1
            continue
        if marker == EOI or marker in _ALONE:
            yield Segment(marker, at, at + 2, b"")
            if marker == EOI:
                return
            at += 2
            continue
        size = int.from_bytes(data[at + 2 : at + 4], "big")
        end = at + 2 + size
        if size < 2 or end > len(data):
            return
        content = bytes(data[at + 4 : end])
        if marker == SOS:
            following = _MARKER_IN_SCAN.search(data, end)
            end = following.start() if following else len(data)
        yield Segment(marker, at, end, content)
        at = end


def walk_jpeg(data: bytes, found: Findings) -> None:
    """Look through a JPEG file."""
    kept = [data[:2]]
    profile: dict[int, tuple[int, bytes]] = {}
    further = 0
    end = None
    for segment in segments(data):
        marker, content = segment.marker, segment.content
        described = _APP0 <= marker <= _APP15 or marker == COMMENT
        if marker == EOI:
            end = segment.end
        elif marker in _FRAMES:
            found.bits = max(found.bits, content[0])
        elif marker == _APP2 and content.startswith(_ICC_MARK):
            profile[content[12]] = (content[13], content[14:])
        elif marker == _APP2 and content.startswith(_MPF_MARK):
            further = max(further, _further_pictures(content[4:]))
        elif described:
            _look_at(marker, content, found)
        if not described or content.startswith((b"JFIF\0", b"Adobe")):
            kept.append(data[segment.start : segment.end])
    found.icc = _whole_profile(profile, found) or found.icc
    if end is None:
        # Cut off or damaged: how much of it can be used is for the decoder to say.
        return
    found.pixel_file = b"".join(kept)
    _look_behind(data, end, further, found)


def _look_at(marker: int, content: bytes, found: Findings) -> None:
    """Note what a segment of an application, or a comment, holds."""
    if marker == COMMENT:
        if content.strip(b"\0 "):
            found.lose_text(TEXT)
    elif marker == _APP1 and content.startswith(EXIF_MARK):
        found.exif = found.exif or content[6:]
    elif marker == _APP1 and content.startswith(XMP_MARK):
        found.xmp = found.xmp or content[len(XMP_MARK) :]
    elif marker == _APP1 and content.startswith(_EXTENDED_MARK):
        found.lose_text(EXTENDED_XMP)
    elif marker == _APP13 and content.startswith(_PHOTOSHOP_MARK):
        walk_resources(content[len(_PHOTOSHOP_MARK) :], found)
    elif content.startswith(_GAIN_MAP_MARKS):
        found.lose(GAIN_MAP)
    elif any(marker == kind and content.startswith(mark) for kind, mark in _HARMLESS):
        found.harmless.append(f"APP{marker - _APP0}")
    elif content:
        name = content[:24].split(b"\0")[0].decode("latin-1")
        found.lose_part(f"APP{marker - _APP0} {name}")


def _whole_profile(parts: dict[int, tuple[int, bytes]], found: Findings) -> bytes | None:
    """Return an ICC profile from its parts (ICC.1:2022, B.4)."""
    if not parts:
        return None
    counts = {count for count, _ in parts.values()}
    if counts != {len(parts)} or sorted(parts) != list(range(1, len(parts) + 1)):
        found.lose("a damaged ICC profile")
        return None
    return b"".join(parts[number][1] for number in sorted(parts))


def _further_pictures(index: bytes) -> int:
    """Return how many pictures an MP index lists beside the first one (CIPA DC-007, 5.2)."""
    try:
        directories = Directories(index)
    except ValueError:
        return 1
    entries = directories.entries(directories.first)
    sizes = [len(entry.value) // _MP_ENTRY_BYTES for entry in entries if entry.tag == _MP_ENTRIES]
    return max(0, max(sizes, default=1) - 1)


def _look_behind(data: bytes, end: int, further: int, found: Findings) -> None:
    """Note what follows the first picture: pictures of an MP index, gain maps, videos, and others."""
    rest = bytes(data[end:])
    if names_gain_map(found.xmp or b"") or names_gain_map(rest):
        found.lose(GAIN_MAP)
    if rest.strip(b"\0") and not further:
        found.lose_rest(rest)
    if further and GAIN_MAP in found.losses:
        # It is one of the pictures that the index lists.
        further -= 1
    if b"ftyp" in rest:
        found.lose(VIDEO)
    found.pictures += further
