"""Builds the bytes of a .vqz file from a `VqzFile`."""

from __future__ import annotations

from vqzip.container.fields import (
    CRC16_BYTES,
    CRC32_BYTES,
    FLAG_GRAY,
    KIND_CODES,
    MAGIC,
    MIN_TILE_LOG2,
    VERSION,
    WORD_BYTES,
    Header,
    Streams,
    VqzFile,
    crc16,
    crc32,
)
from vqzip.errors import InvalidFile


def build(file: VqzFile) -> bytes:
    """Return the bytes of a .vqz file; `parse` returns the same `VqzFile` from them.

    Args:
        file: a complete file, without missing payloads.

    Raises:
        InvalidFile: a payload is missing (the file was read with `partial`).
    """
    parts = [build_header(file.header)]
    for section in file.sections:
        parts += [bytes([section.kind]), varint(len(section.payload)), section.payload]
    # The codes come last and end at the file's CRC; their length is written as 0.
    parts += [bytes([KIND_CODES]), varint(0), *_codes(file.streams)]
    body = b"".join(parts)
    return body + crc32(body).to_bytes(CRC32_BYTES, "little")


def build_header(header: Header) -> bytes:
    """Return the header's bytes, from the magic to its CRC-32."""
    flags_and_quality = header.quality_step | (FLAG_GRAY if header.mode == "gray" else 0)
    streams_and_tile = (header.streams - 1) | (header.tile_log2 - MIN_TILE_LOG2) << 4
    fields = bytes([flags_and_quality, streams_and_tile])
    fields += varint(header.width) + varint(header.height) + header.model_id
    header_bytes = len(MAGIC) + 2 + len(fields) + CRC32_BYTES
    front = MAGIC + bytes([VERSION, header_bytes]) + fields
    return front + crc32(front).to_bytes(CRC32_BYTES, "little")


def varint(value: int) -> bytes:
    """Return a non-negative integer as LEB128: 7 bits in each byte, low bits first."""
    groups = bytearray()
    while value > 0x7F:
        groups.append(value & 0x7F | 0x80)
        value >>= 7
    groups.append(value)
    return bytes(groups)


def _codes(streams: Streams) -> list[bytes]:
    """Return the payloads with their lengths and CRCs; the last payload has neither.

    It ends where the file ends, and the file's CRC-32 protects it.
    """
    payloads = [payload for stream in streams for payload in stream]
    parts: list[bytes] = []
    for number, payload in enumerate(payloads):
        if payload is None:
            raise InvalidFile(
                "a file with missing streams cannot be written; decode what is left of it and "
                "encode the picture again."
            )
        if number == len(payloads) - 1:
            parts.append(payload)
            break
        guarded = varint(len(payload) // WORD_BYTES) + payload
        parts += [guarded, crc16(guarded).to_bytes(CRC16_BYTES, "little")]
    return parts
