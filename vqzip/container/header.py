"""Reads the header of a .vqz file, which has a checksum of its own."""

from __future__ import annotations

from vqzip.container.fields import (
    CRC32_BYTES,
    FLAG_GRAY,
    FLAG_RESERVED,
    LARGEST_HEADER_BYTES,
    MAGIC,
    MIN_TILE_LOG2,
    MODEL_ID_BYTES,
    SMALLEST_HEADER_BYTES,
    VERSION,
    Header,
    crc32,
)
from vqzip.container.reader import LARGEST_VARINT, Reader
from vqzip.errors import ChecksumMismatch, LimitExceeded, NotVqz, UnsupportedVersion


def read_header(reader: Reader) -> Header:
    """Read the header; its CRC-32 is checked before any field is used."""
    front = reader.data[: len(MAGIC)]
    if not front or not MAGIC.startswith(front):
        raise NotVqz("this is not a .vqz file; its first bytes differ.", offset=0)
    reader.take(len(MAGIC), "the magic")
    version, header_bytes = reader.take(2, "the header")
    if not SMALLEST_HEADER_BYTES <= header_bytes <= LARGEST_HEADER_BYTES:
        raise LimitExceeded(
            f"the header claims {header_bytes} bytes instead of {SMALLEST_HEADER_BYTES} to "
            f"{LARGEST_HEADER_BYTES}; the file is damaged, download it again.",
            offset=reader.offset - 1,
        )
    reader.take(header_bytes - reader.offset - CRC32_BYTES, "the header")
    covered = reader.offset
    stored = int.from_bytes(reader.take(CRC32_BYTES, "the header"), "little")
    if stored != crc32(reader.data[:covered]):
        raise ChecksumMismatch("the header is damaged; download the file again.", offset=covered)
    if version != VERSION:
        raise UnsupportedVersion(
            f"the file has format version {version}, but this vqzip reads version {VERSION}; "
            "install a newer vqzip.",
            offset=len(MAGIC),
        )
    return _parse_fields(reader.data[:covered])


def _parse_fields(front: bytes) -> Header:
    """Return the fields of a header of version 1."""
    fields = Reader(front)
    fields.take(len(MAGIC) + 2, "the header")
    flags_and_quality, streams_and_tile = fields.take(2, "the header")
    if flags_and_quality & FLAG_RESERVED:
        raise UnsupportedVersion(
            "the header has a flag that this vqzip does not know; install a newer vqzip.",
            offset=len(MAGIC) + 2,
        )
    start = fields.offset
    # Header checks the ranges.
    width = fields.varint("the width", LARGEST_VARINT)
    height = fields.varint("the height", LARGEST_VARINT)
    model_id = fields.take(MODEL_ID_BYTES, "the model id")
    if fields.left:
        raise UnsupportedVersion(
            "the header has fields that this vqzip does not know; install a newer vqzip.",
            offset=fields.offset,
        )
    try:
        return Header(
            width=width,
            height=height,
            mode="gray" if flags_and_quality & FLAG_GRAY else "rgb",
            streams=1 + (streams_and_tile & 0x0F),
            quality_step=flags_and_quality & 0x3F,
            tile_log2=MIN_TILE_LOG2 + (streams_and_tile >> 4),
            model_id=model_id,
        )
    except LimitExceeded as error:
        raise LimitExceeded(f"the header is damaged: {error}", offset=start) from error
