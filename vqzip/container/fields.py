"""The fields of a .vqz file of version 1: legal ranges, checksums, limits.

docs/reference/format.md describes the same bytes; `build` writes them and `parse` reads them.
"""

from __future__ import annotations

import binascii
from dataclasses import dataclass
from typing import Literal

from vqzip.errors import InvalidFile, LimitExceeded, UnsupportedVersion
from vqzip.quality import Quality

MAGIC = b"\x89VQZ"
"""First four bytes. As in PNG, the first is not text and does not survive a 7-bit channel."""

VERSION = 1
FLAG_RESERVED = 0x80
FLAG_GRAY = 0x40

MODEL_ID_BYTES = 8
CRC16_BYTES = 2
CRC32_BYTES = 4

SMALLEST_HEADER_BYTES = 22
LARGEST_HEADER_BYTES = 64

MAX_SIDE = 1 << 20
"""Longest legal width or height, in pixels."""
MAX_STREAMS = 16
MAX_QUALITY_STEP = 56
MIN_TILE_LOG2 = 8
MAX_TILE_LOG2 = 16
MAX_STREAM_TILES = 1 << 20
"""Largest number of payloads in a file: streams times stream tiles."""
MAX_SECTIONS = 64
MAX_SECTION_BYTES = 1 << 30
MAX_METADATA_BYTES = 1 << 24
"""Largest ICC, EXIF or XMP section in bytes, 16 MiB each."""
MAX_PAYLOAD_WORDS = 1 << 28
WORD_BYTES = 4
"""Lengths of payloads are counted in the 32-bit words of the entropy coder."""

CRITICAL = 0x80
"""Bit in a section's kind: a reader that does not know this kind must stop."""

KIND_CODES = 0x81
KIND_ALPHA = 0x82
KIND_ICC = 0x03
KIND_EXIF = 0x04
KIND_XMP = 0x05
KIND_PACKED_ICC = 0x86
KIND_PACKED_EXIF = 0x07
KIND_PACKED_XMP = 0x08
"""The same sections as zlib streams. A missing profile would make colors wrong, so its kind is critical."""

KIND_NAMES = {
    KIND_CODES: "codes",
    KIND_ALPHA: "alpha",
    KIND_ICC: "icc",
    KIND_EXIF: "exif",
    KIND_XMP: "xmp",
    KIND_PACKED_ICC: "packed icc",
    KIND_PACKED_EXIF: "packed exif",
    KIND_PACKED_XMP: "packed xmp",
}
PLAIN_KIND_OF = {KIND_PACKED_ICC: KIND_ICC, KIND_PACKED_EXIF: KIND_EXIF, KIND_PACKED_XMP: KIND_XMP}
_METADATA_KINDS = (*PLAIN_KIND_OF, *PLAIN_KIND_OF.values())

Mode = Literal["rgb", "gray"]


def kind_name(kind: int) -> str:
    """Return the name of a section kind; `unknown-0x..` for kinds of later versions."""
    return KIND_NAMES.get(kind, f"unknown-0x{kind:02x}")


def section_limit(kind: int) -> int:
    """Return the largest legal payload of a section, in bytes."""
    return MAX_METADATA_BYTES if kind in _METADATA_KINDS else MAX_SECTION_BYTES


def crc16(data: bytes | memoryview) -> int:
    """Return CRC-16/CCITT: polynomial 0x1021, start 0xFFFF, high bit first, no final xor."""
    return binascii.crc_hqx(data, 0xFFFF)


def crc32(data: bytes | memoryview) -> int:
    """Return the CRC-32 of zlib, PNG and Ethernet."""
    return binascii.crc32(data)


@dataclass(frozen=True)
class Header:
    """The facts that a reader needs before it reads any code.

    Args:
        width: of the picture, in pixels, 1 to `MAX_SIDE`.
        height: of the picture, in pixels, 1 to `MAX_SIDE`.
        mode: `rgb`, or `gray` for pictures of one channel.
        streams: number of entropy-coded streams of the model.
        quality_step: 0 to 56, quality in eighths above 1.
        tile_log2: base-2 logarithm of the side of a stream tile in pixels (10: 1024).
        model_id: first 8 bytes of the SHA-256 of the model.

    Raises:
        LimitExceeded: a field is outside its range.
    """

    width: int
    height: int
    mode: Mode
    streams: int
    quality_step: int
    tile_log2: int
    model_id: bytes

    def __post_init__(self) -> None:
        _check_range("width", self.width, 1, MAX_SIDE)
        _check_range("height", self.height, 1, MAX_SIDE)
        _check_range("number of streams", self.streams, 1, MAX_STREAMS)
        _check_range("quality step", self.quality_step, 0, MAX_QUALITY_STEP)
        _check_range("tile size (log2)", self.tile_log2, MIN_TILE_LOG2, MAX_TILE_LOG2)
        if self.mode not in ("rgb", "gray"):
            raise LimitExceeded(f"the mode must be rgb or gray, not {self.mode!r}.")
        if len(self.model_id) != MODEL_ID_BYTES:
            raise LimitExceeded(f"a model id has {MODEL_ID_BYTES} bytes, not {len(self.model_id)}.")
        _check_range("number of payloads", self.streams * self.tiles, 1, MAX_STREAM_TILES)

    @property
    def pixels(self) -> int:
        """Width times height."""
        return self.width * self.height

    @property
    def quality(self) -> float:
        """Quality, 1.0 to 8.0."""
        return Quality(self.quality_step).value

    @property
    def tile_side(self) -> int:
        """Side of a stream tile, in pixels."""
        return 1 << self.tile_log2

    @property
    def tiles(self) -> int:
        """Number of stream tiles, and so of payloads in each stream."""
        return -(-self.width >> self.tile_log2) * -(-self.height >> self.tile_log2)


@dataclass(frozen=True)
class Section:
    """A section other than the codes: alpha, metadata, or one of a later version.

    Args:
        kind: 0 to 255; `CRITICAL` is one of its bits.
        payload: at most `section_limit(kind)` bytes.

    Raises:
        LimitExceeded: kind or payload is out of range.
    """

    kind: int
    payload: bytes

    def __post_init__(self) -> None:
        _check_range("section kind", self.kind, 0, 255)
        name, limit = kind_name(self.kind), section_limit(self.kind)
        _check_range(f"size of the {name} section", len(self.payload), 0, limit)


Streams = tuple[tuple[bytes | None, ...], ...]


@dataclass(frozen=True)
class VqzFile:
    """A whole .vqz file.

    Args:
        header: the fields of the header.
        streams: `streams[s][t]` is the payload of stream s (coarse first) in stream tile t (raster
            order), a multiple of 4 bytes; None if a truncated file lacks it.
        sections: all other sections, in the order of the file. They come before the codes, so that a
            truncated file loses fine levels only.

    Raises:
        InvalidFile: streams do not match the header, or a section occurs twice.
    """

    header: Header
    streams: Streams
    sections: tuple[Section, ...] = ()

    def __post_init__(self) -> None:
        if len(self.streams) != self.header.streams:
            raise InvalidFile(
                f"the header announces {self.header.streams} streams, but there are {len(self.streams)}."
            )
        for number, stream in enumerate(self.streams):
            if len(stream) != self.header.tiles:
                raise InvalidFile(
                    f"stream {number} has {len(stream)} tiles, but the size of the picture needs "
                    f"{self.header.tiles}."
                )
            for payload in stream:
                if payload is not None:
                    check_payload_length(len(payload))
        _check_range("number of sections", len(self.sections) + 1, 1, MAX_SECTIONS)
        seen = {KIND_CODES}
        for section in self.sections:
            check_section_kind(section.kind, seen)
            seen.add(section.kind)

    @property
    def complete(self) -> bool:
        """Whether no payload is missing."""
        return all(payload is not None for stream in self.streams for payload in stream)

    def section(self, kind: int) -> bytes | None:
        """Return the payload of a section, or None if the file has no section of this kind."""
        return next((s.payload for s in self.sections if s.kind == kind), None)


def check_pixels(header: Header, max_pixels: int) -> None:
    """Check that a picture is not too large, before any work is done for it.

    Raises:
        LimitExceeded: width times height is above `max_pixels`.
    """
    if header.pixels > max_pixels:
        raise LimitExceeded(
            f"the picture has {header.width} x {header.height} pixels, more than the {max_pixels} "
            "allowed; raise `max_pixels` if you trust the file."
        )


def check_section_kind(kind: int, seen: set[int], *, offset: int | None = None) -> None:
    """Check that a section may follow the kinds seen so far.

    Raises:
        UnsupportedVersion: the kind is critical and unknown.
        InvalidFile: the kind is known and was seen before.
    """
    if kind in KIND_NAMES:
        plain = PLAIN_KIND_OF.get(kind, kind)
        if any(PLAIN_KIND_OF.get(other, other) == plain for other in seen):
            raise InvalidFile(
                f"the {kind_name(plain)} section occurs twice; download the file again.",
                offset=offset,
            )
    elif kind & CRITICAL:
        raise UnsupportedVersion(
            f"the file needs a section of kind 0x{kind:02x} that this vqzip does not know; "
            "install a newer vqzip.",
            offset=offset,
        )


def check_payload_length(payload_bytes: int) -> None:
    """Check that a payload is a whole number of words, and not too long.

    Raises:
        InvalidFile: a payload breaks one of these rules.
    """
    if payload_bytes % WORD_BYTES:
        raise InvalidFile(f"a payload must be whole 32-bit words, got {payload_bytes} bytes.")
    _check_range("payload", payload_bytes // WORD_BYTES, 0, MAX_PAYLOAD_WORDS)


def _check_range(name: str, value: int, low: int, high: int) -> None:
    if not low <= value <= high:
        raise LimitExceeded(f"the {name} must be {low} to {high}, got {value}.")
