"""Boxes of ISO base media files (ISO/IEC 14496-12), of which JPEG 2000 and JPEG XL files consist, too."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

MOST_BOXES = 4096


@dataclass(frozen=True)
class Box:
    """A box.

    Args:
        kind: its four letters; for `uuid` the 16 bytes that follow are part of the content.
        content: what is in it.
        start: where the content stands in the file.
        whole: False where the file ends before the box does.
    """

    kind: bytes
    content: bytes
    start: int
    whole: bool = True


def boxes(data: bytes, start: int = 0) -> Iterator[Box]:
    """Yield the boxes that follow one another in `data`, from `start` on."""
    at = start
    for _ in range(MOST_BOXES):
        if at + 8 > len(data):
            return
        size, kind, front = (
            int.from_bytes(data[at : at + 4], "big"),
            bytes(data[at + 4 : at + 8]),
            8,
        )
        if size == 1:
            size, front = int.from_bytes(data[at + 8 : at + 16], "big"), 16
        end = at + size if size else len(data)
        if end < at + front or not kind.isascii():
            # No box: what else it is, is for the caller to say.
            yield Box(b"", bytes(data[at:]), at, whole=False)
            return
        yield Box(kind, bytes(data[at + front : end]), at + front, whole=end <= len(data))
        at = end
