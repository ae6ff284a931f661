"""What AVIF, HEIC and JPEG 2000 files state of their samples and Pillow does not tell.

The first two are trees of boxes (ISO/IEC 14496-12), so is JP2 (ISO/IEC 15444-1, annex I); of a bare
JPEG 2000 codestream the first marker segment tells. Nothing here is needed to decode; damaged boxes
only mean that nothing is known.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import IO

MAX_BOX_BYTES = 1 << 22
"""Boxes of metadata larger than this are not looked into."""
MAX_FILE_BOXES, MAX_DEPTH = 256, 12

_CODESTREAM = b"\xff\x4f\xff\x51"
_CONTAINERS = {
    # Bytes of fields before the boxes inside.
    **dict.fromkeys((b"iprp", b"ipco", b"jp2h", b"moov", b"trak", b"mdia", b"minf", b"stbl"), 0),
    b"meta": 4,
    b"stsd": 8,
    **dict.fromkeys((b"av01", b"hvc1", b"hev1"), 78),
}
_SRGB_PRIMARIES = (1, 2, 5, 6)
"""BT.709, unspecified, and the two of BT.601, which differ little (ITU-T H.273, table 2)."""
_SRGB_TRANSFERS = (1, 2, 4, 6, 13)
"""BT.709, BT.601 and gamma 2.2, which viewers take for sRGB, unspecified, sRGB (H.273, table 3)."""


@dataclass(frozen=True)
class StoredSamples:
    """What a file states of its samples.

    Args:
        bits: most bits that a sample has, 8 if nothing is known.
        monochrome: whether there is brightness alone, beside alpha.
        wide: whether colors or brightness go by numbers (H.273) of another space than sRGB.
    """

    bits: int = 8
    monochrome: bool = False
    wide: bool = False


def stored_samples(file: IO[bytes]) -> StoredSamples:
    """Return what an AVIF, HEIC or JPEG 2000 file states; its position is left as it was.

    Args:
        file: opened for reading, seekable.
    """
    position = file.tell()
    try:
        file.seek(0)
        front = file.read(4)
        file.seek(0)
        if front == _CODESTREAM:
            return StoredSamples(bits=_codestream_bits(file.read(64 + 3 * 16)))
        return _from_boxes(list(_file_boxes(file)))
    except (IndexError, ValueError, OverflowError):
        return StoredSamples()
    finally:
        file.seek(position)


def _from_boxes(boxes: list[tuple[bytes, bytes]]) -> StoredSamples:
    av1 = [payload[2] for kind, payload in boxes if kind == b"av1C"]
    bits = [8]
    bits += [12 if flags & 0x20 else 10 if flags & 0x40 else 8 for flags in av1]
    bits += [8 + (payload[17] & 7) for kind, payload in boxes if kind == b"hvcC"]
    for kind, payload in boxes:
        if kind == b"ihdr":
            bits += [] if payload[10] == 255 else [(payload[10] & 0x7F) + 1]
        elif kind == b"bpcc":
            bits += [(component & 0x7F) + 1 for component in payload]
    numbered = [payload for kind, payload in boxes if kind == b"colr" and payload[:4] == b"nclx"]
    return StoredSamples(
        bits=max(bits),
        # An alpha plane is monochrome, too.
        monochrome=bool(av1) and all(flags & 0x10 for flags in av1),
        wide=any(
            int.from_bytes(payload[4:6], "big") not in _SRGB_PRIMARIES
            or int.from_bytes(payload[6:8], "big") not in _SRGB_TRANSFERS
            for payload in numbered
        ),
    )


def _codestream_bits(front: bytes) -> int:
    """Return the bits of the deepest component by the SIZ segment (ISO/IEC 15444-1, A.5.1)."""
    components = int.from_bytes(front[40:42], "big")
    return max((depth & 0x7F) + 1 for depth in front[42 : 42 + 3 * components : 3])


def _file_boxes(file: IO[bytes]) -> Iterator[tuple[bytes, bytes]]:
    """Yield type and payload of a file's boxes of metadata and of all boxes inside them."""
    for _ in range(MAX_FILE_BOXES):
        head = file.read(8)
        if len(head) < 8:
            return
        size, kind = int.from_bytes(head[:4], "big"), head[4:]
        if size == 1:
            size = int.from_bytes(file.read(8), "big") - 8
        elif size == 0:
            size = MAX_BOX_BYTES  # to the end of the file
        if size < 8:
            return
        if kind in _CONTAINERS and size <= MAX_BOX_BYTES:
            yield from _boxes_inside(kind, file.read(size - 8), MAX_DEPTH)
        else:
            file.seek(size - 8, 1)


def _boxes_inside(kind: bytes, payload: bytes, depth: int) -> Iterator[tuple[bytes, bytes]]:
    yield kind, payload
    if kind not in _CONTAINERS or not depth:
        return
    start = _CONTAINERS[kind]
    while start + 8 <= len(payload):
        size = int.from_bytes(payload[start : start + 4], "big")
        if size < 8:
            return
        inner = payload[start + 4 : start + 8], payload[start + 8 : start + size]
        yield from _boxes_inside(*inner, depth - 1)
        start += size
