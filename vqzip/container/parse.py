"""From the bytes of a .vqz file to a `VqzFile`, believing none of them.

Every length is held against what is left of the file and against the limits of `fields` before
anything is copied; a fault raises a subclass of `InvalidFile` with the byte where it was seen.
"""

from __future__ import annotations

from dataclasses import dataclass

from vqzip.container.fields import (
    CRC16_BYTES,
    CRC32_BYTES,
    FLAG_GRAY,
    FLAG_RESERVED,
    KIND_CODES,
    LARGEST_HEADER_BYTES,
    MAGIC,
    MAX_PAYLOAD_WORDS,
    MAX_SECTIONS,
    MIN_TILE_LOG2,
    MODEL_ID_BYTES,
    SMALLEST_HEADER_BYTES,
    VERSION,
    WORD_BYTES,
    Header,
    Section,
    Streams,
    VqzFile,
    check_section_kind,
    crc16,
    crc32,
    kind_name,
    section_limit,
)
from vqzip.container.reader import LARGEST_VARINT, Reader
from vqzip.errors import (
    ChecksumMismatch,
    InvalidFile,
    LimitExceeded,
    NotVqz,
    UnsupportedVersion,
)

CODES_FRONT_BYTES = 2
"""Kind and length (always 0) of the codes section."""


@dataclass(frozen=True)
class SectionLayout:
    """Place of a section other than the codes: `total_bytes` has its kind and length in it."""

    name: str
    offset: int
    payload_bytes: int
    total_bytes: int


@dataclass(frozen=True)
class Layout:
    """Where the bytes of a file go.

    Args:
        header: the header's fields.
        total_bytes: size of the file.
        header_bytes: magic to header CRC-32.
        sections: all but the codes, in the order of the file.
        codes_offset: where the codes section begins.
        stream_bytes: entropy-coded payload of each stream, coarse first, summed over its tiles.
        overhead_bytes: what is neither payload of a stream nor one of `sections`.
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
        partial: accept a file that was cut off (or damaged) inside its codes: payloads that are
            complete and whose checksum is right are kept, None stands for the others.

    Raises:
        NotVqz: the magic is not there.
        Truncated: the file ends too early.
        ChecksumMismatch: a checksum is wrong.
        UnsupportedVersion: a newer vqzip wrote the file.
        LimitExceeded: a field is out of range, or the picture is larger than `max_pixels`.
    """
    reader = Reader(data)
    header = _read_header(reader)
    if header.pixels > max_pixels:
        raise LimitExceeded(
            f"the picture has {header.width} x {header.height} pixels, more than the {max_pixels} "
            "allowed; raise --max-pixels if you trust the file."
        )
    intact = _find_end(reader)
    placed = _read_sections(reader, intact=intact)
    streams = _read_streams(reader, header, intact=intact, partial=partial)
    return VqzFile(header, streams, tuple(section for _, section in placed))


def parse_header(data: bytes) -> Header:
    """Return the header of a file, which is guarded by a checksum of its own.

    Raises:
        InvalidFile: as `parse`; nothing behind the header is looked at, there is no limit on pixels.
    """
    return _read_header(Reader(data))


def parse_layout(data: bytes) -> Layout:
    """Return where the bytes of a file go, after the same checks as `parse`.

    Raises:
        InvalidFile: as `parse`; there is no limit on pixels, nothing is decoded.
    """
    reader = Reader(data)
    header = _read_header(reader)
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


def _read_header(reader: Reader) -> Header:
    """Read magic to header CRC-32; the CRC is checked before any field is believed."""
    front = reader.data[: len(MAGIC)]
    if not front or not MAGIC.startswith(front):
        raise NotVqz("this is not a .vqz file; its first bytes are others.", offset=0)
    reader.take(len(MAGIC), "the magic")
    version, header_bytes = reader.take(2, "the header")
    if not SMALLEST_HEADER_BYTES <= header_bytes <= LARGEST_HEADER_BYTES:
        raise LimitExceeded(
            f"the header claims {header_bytes} bytes, legal are {SMALLEST_HEADER_BYTES} to "
            f"{LARGEST_HEADER_BYTES}; the file is damaged, get it again.",
            offset=reader.offset - 1,
        )
    reader.take(header_bytes - reader.offset - CRC32_BYTES, "the header")
    covered = reader.offset
    stored = int.from_bytes(reader.take(CRC32_BYTES, "the header"), "little")
    if stored != crc32(reader.data[:covered]):
        raise ChecksumMismatch("the header was altered; get the file again.", offset=covered)
    if version != VERSION:
        raise UnsupportedVersion(
            f"the file is of format version {version}, this vqzip reads {VERSION}; "
            "install a newer vqzip.",
            offset=len(MAGIC),
        )
    return _parse_fields(reader.data[:covered])


def _parse_fields(front: bytes) -> Header:
    """Return the fields between header length and CRC-32 of a header of version 1."""
    fields = Reader(front)
    fields.take(len(MAGIC) + 2, "the header")
    flags_and_quality, streams_and_tile = fields.take(2, "the header")
    if flags_and_quality & FLAG_RESERVED:
        raise UnsupportedVersion(
            "the header has a flag that this vqzip does not know; install a newer vqzip.",
            offset=len(MAGIC) + 2,
        )
    start = fields.offset
    # The ranges are Header's to check: any varint will do here.
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


def _find_end(reader: Reader) -> bool:
    """Check the file's CRC-32; if it is right, end the reader before it and return True."""
    covered = reader.end - CRC32_BYTES
    if covered < reader.offset:
        return False
    body = memoryview(reader.data)[:covered]
    intact = crc32(body) == int.from_bytes(reader.data[covered:], "little")
    if intact:
        reader.end = covered
    return intact


def _read_sections(reader: Reader, *, intact: bool) -> list[tuple[int, Section]]:
    """Read the sections before the codes, each with its offset, and the front of the codes."""
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
            # Nobody needs a newer vqzip for a flipped bit.
            raise ChecksumMismatch("the file was altered; get it again.", offset=start) from error
        seen.add(kind)
        if kind == KIND_CODES:
            reader.varint("the length of the codes section", 0)
            return placed
        if len(placed) + 1 == MAX_SECTIONS:
            raise LimitExceeded(
                f"the file has more than {MAX_SECTIONS} sections; get it again.", offset=start
            )
        name = kind_name(kind)
        length = reader.varint(f"the length of the {name} section", section_limit(kind))
        placed.append((start, Section(kind, reader.take(length, f"the {name} section"))))


def _read_streams(reader: Reader, header: Header, *, intact: bool, partial: bool) -> Streams:
    """Read all payloads: `[stream][stream tile]`, None for what `partial` had to leave out."""
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
    """Read length, payload and CRC-16 of a payload that is not the last of the file.

    Where only the CRC-16 is wrong, `partial` gives None, and reading goes on behind it: the
    payloads there have checksums of their own.
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
    raise ChecksumMismatch(f"{name} was altered; get the file again.", offset=start)


def _read_last(reader: Reader, *, intact: bool, partial: bool) -> bytes | None:
    """Read the last payload, which reaches to the file's CRC-32 and relies on it."""
    start = reader.offset
    if not intact:
        if partial:
            return None
        raise ChecksumMismatch(
            "the file was altered or cut off, most likely behind this point; get it again.",
            offset=start,
        )
    payload = reader.take(reader.left, "the last tile")
    words, rest = divmod(len(payload), WORD_BYTES)
    if rest or words > MAX_PAYLOAD_WORDS:
        raise LimitExceeded(
            f"the last tile has {len(payload)} bytes, no legal number of 32-bit words; "
            "get the file again.",
            offset=start,
        )
    return payload
