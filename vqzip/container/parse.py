"""Parses the bytes of a .vqz file into a `VqzFile`, without trusting any of them.

Every length is compared with the rest of the file and with the limits in `fields` before anything is
copied. A fault raises a subclass of `InvalidFile` with the position where it was found.
"""

from __future__ import annotations

from dataclasses import dataclass

from vqzip.container.fields import (
    CRC16_BYTES,
    CRC32_BYTES,
    KIND_CODES,
    MAX_PAYLOAD_WORDS,
    MAX_SECTIONS,
    WORD_BYTES,
    Header,
    Section,
    Streams,
    VqzFile,
    check_pixels,
    check_section_kind,
    crc16,
    crc32,
    kind_name,
    section_limit,
)
from vqzip.container.header import read_header
from vqzip.container.reader import Reader
from vqzip.errors import (
    ChecksumMismatch,
    InvalidFile,
    LimitExceeded,
)

CODES_FRONT_BYTES = 2
"""Kind and length (always 0) of the codes section."""


@dataclass(frozen=True)
class SectionLayout:
    """Place of a section other than the codes; `total_bytes` includes its kind and length."""

    name: str
    offset: int
    payload_bytes: int
    total_bytes: int


@dataclass(frozen=True)
class Layout:
    """Which bytes of a file belong to what.

    Args:
        header: the header's fields.
        total_bytes: size of the file.
        header_bytes: size of the header, from the magic to its CRC-32.
        sections: all sections except the codes, in the order of the file.
        codes_offset: where the codes section starts.
        stream_bytes: payload bytes of each stream, coarse first, summed over its tiles.
        overhead_bytes: all other bytes: header, lengths, checksums.
    """

    header: Header
    total_bytes: int
    header_bytes: int
    sections: tuple[SectionLayout, ...]
    codes_offset: int
    stream_bytes: tuple[int, ...]
    overhead_bytes: int


def parse(data: bytes, *, max_pixels: int, partial: bool = False) -> VqzFile:
    """Read a .vqz file.

    Args:
        data: the whole file.
        max_pixels: largest width times height to accept.
        partial: accept a file that is truncated or damaged inside its codes. Complete payloads with
            a correct checksum are kept; the others are None.

    Raises:
        NotVqz: the magic is missing.
        Truncated: the file ends too early.
        ChecksumMismatch: a checksum is wrong.
        UnsupportedVersion: a newer vqzip wrote the file.
        LimitExceeded: a field is out of range, or the picture is larger than `max_pixels`.
    """
    reader = Reader(data)
    header = read_header(reader)
    check_pixels(header, max_pixels)
    intact = _find_end(reader)
    placed = _read_sections(reader, intact=intact)
    streams = _read_streams(reader, header, intact=intact, partial=partial)
    return VqzFile(header, streams, tuple(section for _, section in placed))


def parse_header(data: bytes) -> Header:
    """Return the header of a file, which has a checksum of its own.

    Raises:
        InvalidFile: as `parse`, but nothing after the header is checked, and no limit on pixels.
    """
    return read_header(Reader(data))


def parse_layout(data: bytes) -> Layout:
    """Return which bytes of a file belong to what, after the same checks as `parse`.

    Raises:
        InvalidFile: as `parse`, but without a limit on pixels.
    """
    reader = Reader(data)
    header = read_header(reader)
    header_bytes = reader.offset
    intact = _find_end(reader)
    placed = _read_sections(reader, intact=intact)
    codes_offset = reader.offset - CODES_FRONT_BYTES
    streams = _read_streams(reader, header, intact=intact, partial=False)
    ends = [*(offset for offset, _ in placed), codes_offset][1:]
    sections = tuple(
        SectionLayout(kind_name(section.kind), offset, len(section.payload), end - offset)
        for (offset, section), end in zip(placed, ends, strict=True)
    )
    stream_bytes = tuple(sum(len(payload or b"") for payload in stream) for stream in streams)
    return Layout(
        header=header,
        total_bytes=len(data),
        header_bytes=header_bytes,
        sections=sections,
        codes_offset=codes_offset,
        stream_bytes=stream_bytes,
        overhead_bytes=len(data) - sum(stream_bytes) - sum(s.total_bytes for s in sections),
    )


def _find_end(reader: Reader) -> bool:
    """Return whether the file's CRC-32 is correct; if so, end the reader before it."""
    covered = reader.end - CRC32_BYTES
    if covered < reader.offset:
        return False
    body = memoryview(reader.data)[:covered]
    intact = crc32(body) == int.from_bytes(reader.data[covered:], "little")
    if intact:
        reader.end = covered
    return intact


def _read_sections(reader: Reader, *, intact: bool) -> list[tuple[int, Section]]:
    """Read the sections before the codes, with their offsets, and the start of the codes."""
    placed: list[tuple[int, Section]] = []
    seen: set[int] = set()
    while True:
        start = reader.offset
        kind = reader.take(1, "a section's kind")[0]
        try:
            check_section_kind(kind, seen, offset=start)
        except InvalidFile as error:
            if intact:
                raise
            # The file is damaged, so a newer vqzip would not help.
            raise ChecksumMismatch(
                "the file is damaged; download it again.", offset=start
            ) from error
        seen.add(kind)
        if kind == KIND_CODES:
            reader.varint("the length of the codes section", 0)
            return placed
        if len(placed) + 1 == MAX_SECTIONS:
            raise LimitExceeded(
                f"the file has more than {MAX_SECTIONS} sections; download it again.", offset=start
            )
        name = kind_name(kind)
        length = reader.varint(f"the length of the {name} section", section_limit(kind))
        placed.append((start, Section(kind, reader.take(length, f"the {name} section"))))


def _read_streams(reader: Reader, header: Header, *, intact: bool, partial: bool) -> Streams:
    """Read all payloads, `[stream][stream tile]`; None for missing ones, if `partial` allows them."""
    count = header.streams * header.tiles
    payloads: list[bytes | None] = []
    try:
        while len(payloads) < count - 1:
            payloads.append(_read_guarded(reader, len(payloads), header, partial=partial))
        payloads.append(_read_last(reader, intact=intact, partial=partial))
    except InvalidFile:
        if not partial:
            raise
        payloads += [None] * (count - len(payloads))
    tiles = header.tiles
    return tuple(tuple(payloads[i : i + tiles]) for i in range(0, count, tiles))


def _read_guarded(reader: Reader, number: int, header: Header, *, partial: bool) -> bytes | None:
    """Read length, payload and CRC-16 of a payload that is not the last in the file.

    If only the CRC-16 is wrong, `partial` returns None and reading continues: the next payloads have
    checksums of their own.
    """
    stream, tile = divmod(number, header.tiles)
    name = f"tile {tile} of stream {stream}"
    start = reader.offset
    words = reader.varint(f"the length of {name}", MAX_PAYLOAD_WORDS)
    payload = reader.take(words * WORD_BYTES, name)
    guarded = memoryview(reader.data)[start : reader.offset]
    stored = int.from_bytes(reader.take(CRC16_BYTES, f"the checksum of {name}"), "little")
    if stored == crc16(guarded):
        return payload
    if partial:
        return None
    raise ChecksumMismatch(f"{name} is damaged; download the file again.", offset=start)


def _read_last(reader: Reader, *, intact: bool, partial: bool) -> bytes | None:
    """Read the last payload, which ends at the file's CRC-32 and is protected by it."""
    start = reader.offset
    if not intact:
        if partial:
            return None
        raise ChecksumMismatch(
            "the file is damaged or truncated, most likely after this point; download it again.",
            offset=start,
        )
    payload = reader.take(reader.left, "the last tile")
    words, rest = divmod(len(payload), WORD_BYTES)
    if rest or words > MAX_PAYLOAD_WORDS:
        raise LimitExceeded(
            f"the last tile has {len(payload)} bytes, which is no legal number of 32-bit words; "
            "download the file again.",
            offset=start,
        )
    return payload
