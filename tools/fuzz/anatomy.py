"""A .vqz file taken apart into fields that may be given any value, legal or not.

`vqzip.container.build` writes legal files alone. An attacker writes what he likes and computes the
checksums afterward, and so does `Anatomy.put_together`; `mended` does it for bytes of any kind.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from vqzip.container.build import varint
from vqzip.container.fields import (
    CRC16_BYTES,
    CRC32_BYTES,
    KIND_CODES,
    MODEL_ID_BYTES,
    WORD_BYTES,
    crc16,
    crc32,
)
from vqzip.container.parse import CODES_FRONT_BYTES, parse, parse_layout
from vqzip.container.reader import Reader
from vqzip.errors import InvalidFile

FRONT_BYTES = 6
"""Magic, version, length of the header."""


@dataclass
class Part:
    """A section or a payload.

    Args:
        data: its bytes.
        length: the length that is written, in the part's unit, as bytes of a varint; None for the
            true one.
        kind: of a section.
    """

    data: bytes
    length: bytes | None = None
    kind: int = 0


@dataclass
class Anatomy:
    """Everything that a file says, each item to be changed at will.

    Args:
        front: magic, version, length of the header.
        fields: flags and quality; streams and tile side.
        width: bytes of a varint.
        height: bytes of a varint.
        model_id: eight bytes, if all is well.
        sections: all but the codes.
        payloads: of every stream and tile.
        codes: kind and length of the codes section.
        more_header: what a later version might append to the header.
        tail: bytes behind the file's CRC-32.
    """

    front: bytearray
    fields: bytearray
    width: bytes
    height: bytes
    model_id: bytes
    sections: list[Part]
    payloads: list[Part]
    codes: bytes = bytes([KIND_CODES, 0])
    more_header: bytes = b""
    tail: bytes = b""
    keeps_header_length: bool = field(default=False)

    def put_together(self) -> bytes:
        """Return the file, with every checksum right."""
        header = bytes(self.fields) + self.width + self.height + self.model_id + self.more_header
        front = bytearray(self.front)
        if not self.keeps_header_length:
            front[5] = (FRONT_BYTES + len(header) + CRC32_BYTES) & 0xFF
        header = bytes(front) + header
        parts = [header, _crc32(header)]
        for section in self.sections:
            length = varint(len(section.data)) if section.length is None else section.length
            parts += [bytes([section.kind]), length, section.data]
        parts.append(self.codes)
        for payload in self.payloads[:-1]:
            words = varint(len(payload.data) // WORD_BYTES)
            guarded = (words if payload.length is None else payload.length) + payload.data
            parts += [guarded, _crc16(guarded)]
        parts += [payload.data for payload in self.payloads[-1:]]
        body = b"".join(parts)
        return body + _crc32(body) + self.tail


def take_apart(data: bytes) -> Anatomy:
    """Return the anatomy of a sound file."""
    file, layout = parse(data, max_pixels=1 << 40), parse_layout(data)
    header = data[: layout.header_bytes - CRC32_BYTES]
    return Anatomy(
        front=bytearray(header[:FRONT_BYTES]),
        fields=bytearray(header[FRONT_BYTES : FRONT_BYTES + 2]),
        width=varint(file.header.width),
        height=varint(file.header.height),
        model_id=header[-MODEL_ID_BYTES:],
        sections=[Part(section.payload, kind=section.kind) for section in file.sections],
        payloads=[Part(payload or b"") for stream in file.streams for payload in stream],
    )


def mended(data: bytes) -> bytes:
    """Return any bytes with the checksums that make them a file, as far as they are like one."""
    made = bytearray(data)
    if len(made) < FRONT_BYTES:
        return data
    end = made[5]
    if FRONT_BYTES + CRC32_BYTES <= end <= len(made):
        made[end - CRC32_BYTES : end] = _crc32(bytes(made[: end - CRC32_BYTES]))
        _mend_payloads(made)
    if len(made) >= end + CRC32_BYTES:
        made[-CRC32_BYTES:] = _crc32(bytes(made[:-CRC32_BYTES]))
    return bytes(made)


def _mend_payloads(made: bytearray) -> None:
    """Set the CRC-16 of everything behind the front of the codes that is like a payload."""
    reader = Reader(bytes(made))
    reader.offset, reader.end = made[5], len(made) - CRC32_BYTES
    try:
        while (kind := reader.take(1, "")[0]) != KIND_CODES:
            reader.take(reader.varint("", reader.left), f"{kind}")
        reader.take(CODES_FRONT_BYTES - 1, "")
        while reader.left:
            start = reader.offset
            reader.take(WORD_BYTES * reader.varint("", reader.left), "")
            covered = reader.offset
            reader.take(CRC16_BYTES, "")
            made[covered : reader.offset] = _crc16(bytes(made[start:covered]))
    except InvalidFile:
        # The last payload has no length; what was read of it as one does not fit, as a rule.
        return


def _crc16(data: bytes) -> bytes:
    return crc16(data).to_bytes(CRC16_BYTES, "little")


def _crc32(data: bytes) -> bytes:
    return crc32(data).to_bytes(CRC32_BYTES, "little")
