"""JPEG XL: the boxes of its container and the front of its codestream (ISO/IEC 18181)."""

from __future__ import annotations

from vqzip.pictures.containers.boxes import boxes
from vqzip.pictures.containers.findings import GAIN_MAP, Findings

CODESTREAM, CONTAINER = b"\xff\x0a", b"\0\0\0\x0cJXL "
_HARMLESS = (b"JXL ", b"ftyp", b"jxll", b"jxli", b"jbrd", b"free", b"skip")
_SIZES = (9, 13, 18, 30)


def walk_jxl(data: bytes, found: Findings) -> None:
    """Look through a JPEG XL file."""
    if data[:2] == CODESTREAM:
        _look_at_codestream(bytes(data[2:64]), found)
        return
    seen = False
    for box in boxes(data):
        content = box.content
        if box.kind in (b"jxlc", b"jxlp"):
            stream = content[4:] if box.kind == b"jxlp" else content
            if not seen:
                _look_at_codestream(stream[2:64], found)
            seen = True
        elif box.kind == b"Exif":
            found.exif = _exif(content)
        elif box.kind == b"xml ":
            found.xmp = found.xmp or content
        elif box.kind == b"jhgm":
            found.lose(GAIN_MAP)
        elif box.kind == b"brob":
            found.lose_part(f"compressed {content[:4].decode('latin-1')} box")
        elif box.kind == b"":
            found.lose_rest(content)
        elif box.kind not in _HARMLESS:
            found.lose_part(f"{box.kind.decode('latin-1')} box")


def _exif(content: bytes) -> bytes:
    """Return EXIF behind an offset to it, which some writers leave out."""
    if content[:2] in (b"II", b"MM"):
        return content
    return content[4 + int.from_bytes(content[:4], "big") :].removeprefix(b"Exif\0\0")


class _Bits:
    """Bits of a codestream, the lowest of each byte first."""

    def __init__(self, data: bytes) -> None:
        self._number, self._at = int.from_bytes(data, "little"), 0

    def take(self, count: int) -> int:
        """Return the next bits as a number."""
        value = self._number >> self._at & (1 << count) - 1
        self._at += count
        return value

    def skip_size(self) -> None:
        """Skip a SizeHeader."""
        small = self.take(1)
        self.take(5 if small else _SIZES[self.take(2)])
        if not self.take(3):
            self.take(5 if small else _SIZES[self.take(2)])


def _look_at_codestream(front: bytes, found: Findings) -> None:
    """Note bits and animations by SizeHeader and ImageMetadata."""
    bits = _Bits(front)
    bits.skip_size()
    if bits.take(1):
        return
    if bits.take(1):
        bits.take(3)
        if bits.take(1):
            bits.skip_size()
        if bits.take(1):
            # A preview, whose size has a form of its own; what follows is not looked at.
            return
        if bits.take(1):
            found.pictures = 2
            return
    if bits.take(1):
        found.bits = 16
    else:
        found.bits = max(
            8, (8, 10, 12, 0)[choice] if (choice := bits.take(2)) < 3 else 1 + bits.take(6)
        )
