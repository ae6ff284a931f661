"""WebP: the chunks of a RIFF file (RFC 9649)."""

from __future__ import annotations

from collections.abc import Iterator

from vqzip.pictures.containers.findings import Findings

_PIXEL_CHUNKS = (b"VP8 ", b"VP8L", b"VP8X", b"ALPH", b"ANIM")


def chunks(data: bytes, start: int, end: int) -> Iterator[tuple[bytes, bytes, int]]:
    """Yield kind, content and end of every chunk between two places of a file."""
    at = start
    while at + 8 <= end:
        size = int.from_bytes(data[at + 4 : at + 8], "little")
        following = min(at + 8 + size + size % 2, end)
        yield bytes(data[at : at + 4]), bytes(data[at + 8 : min(at + 8 + size, end)]), following
        at = following


def walk_webp(data: bytes, found: Findings) -> None:
    """Look through a WebP file."""
    end = min(8 + int.from_bytes(data[4:8], "little"), len(data))
    frames = 0
    for kind, content, _ in chunks(data, 12, end):
        if kind == b"ICCP":
            found.icc = content
        elif kind == b"EXIF":
            found.exif = content.removeprefix(b"Exif\0\0")
        elif kind == b"XMP ":
            found.xmp = content
        elif kind == b"ANMF":
            frames += 1
        elif kind not in _PIXEL_CHUNKS:
            found.lose_part(f"{kind.decode('latin-1')} chunk")
    found.pictures = max(1, frames)
    found.lose_rest(bytes(data[end:]))
