"""Reads the front of a .vqz file on disk, and of its payloads only what is asked for.

A preview needs the header, the sections and the coarse levels. `parse` reads a whole file and checks its
CRC-32; here, only what is read whole can be checked.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import BinaryIO

from vqzip.container.fields import (
    CRC16_BYTES,
    CRC32_BYTES,
    KIND_CODES,
    LARGEST_HEADER_BYTES,
    MAGIC,
    MAX_PAYLOAD_WORDS,
    MAX_SECTIONS,
    WORD_BYTES,
    Header,
    Section,
    check_section_kind,
    crc16,
    kind_name,
    section_limit,
)
from vqzip.container.parse import parse_header
from vqzip.container.reader import Reader
from vqzip.errors import ChecksumMismatch, InvalidFile, LimitExceeded, Truncated


class FileReader(Reader):
    """A cursor over a file that is open for reading; see `Reader`.

    Args:
        file: seekable; its position is changed.

    Attributes:
        bytes_read: how many bytes were read from the file.
    """

    def __init__(self, file: BinaryIO) -> None:
        super().__init__(b"")
        self._file = file
        self.end = file.seek(0, os.SEEK_END)
        self.bytes_read = 0

    def take(self, count: int, what: str) -> bytes:
        """Return the next `count` bytes and move past them; see `Reader`."""
        start = self.offset
        self.skip(count, what)
        return self.at(start, count, what)

    def skip(self, count: int, what: str) -> None:
        """Move past the next `count` bytes without reading them.

        Raises:
            Truncated: the file ends before.
        """
        if count > self.left:
            raise Truncated(
                f"the file is truncated: {what} needs {count} more byte(s), but {self.left} are left; "
                "download the file again.",
                offset=self.offset,
            )
        self.offset += count

    def at(self, start: int, count: int, what: str) -> bytes:
        """Return `count` bytes from a place that was checked, without moving the cursor.

        Raises:
            Truncated: another program has shortened the file.
        """
        self._file.seek(start)
        data = self._file.read(count)
        while data and len(data) < count:
            more = self._file.read(count - len(data))
            if not more:
                break
            data += more
        self.bytes_read += len(data)
        if len(data) < count:
            raise Truncated(f"the file is truncated in {what}; download it again.", offset=start)
        return data


@dataclass(frozen=True)
class PayloadPlace:
    """Where a payload lies: its length from `start`, itself from `offset`, its CRC-16 behind it.

    The last payload of a file has neither length nor CRC-16: then `start` equals `offset`.
    """

    name: str
    start: int
    offset: int
    size: int


class Front:
    """The front of a file, and access to its payloads.

    Args:
        reader: at the start of the file.

    Attributes:
        header: the fields of the header.
        sections: all sections except the codes.

    Raises:
        InvalidFile: as `parse`, as far as the front shows it.
    """

    def __init__(self, reader: FileReader) -> None:
        self.reader = reader
        self.header: Header = parse_header(
            reader.at(0, min(LARGEST_HEADER_BYTES, reader.end), "the header")
        )
        reader.take(len(MAGIC) + 1, "the header")
        header_bytes = reader.take(1, "the header")[0]
        reader.skip(header_bytes - reader.offset, "the header")
        self.sections = _sections(reader)
        self._places: list[PayloadPlace] = []

    def section(self, kind: int) -> bytes | None:
        """Return the payload of a section, or None if the file has no section of this kind."""
        return next((s.payload for s in self.sections if s.kind == kind), None)

    def payload(self, stream: int, tile: int) -> bytes:
        """Return a whole payload, after comparing it with its checksum.

        Raises:
            InvalidFile: it is truncated or damaged.
        """
        place = self._place(stream * self.header.tiles + tile)
        if place.start == place.offset:
            return self.reader.at(place.offset, place.size, place.name)
        count = place.offset + place.size + CRC16_BYTES - place.start
        guarded = self.reader.at(place.start, count, place.name)
        stored = int.from_bytes(guarded[-CRC16_BYTES:], "little")
        if stored != crc16(guarded[:-CRC16_BYTES]):
            raise ChecksumMismatch(
                f"{place.name} is damaged; download the file again.", offset=place.start
            )
        return guarded[place.offset - place.start : -CRC16_BYTES]

    def tail(self, stream: int, tile: int, share: float, known: bytes = b"") -> bytes | None:
        """Return the last words of a payload, unchecked.

        Args:
            stream: number of the stream.
            tile: number of the stream tile.
            share: of the payload's words, rounded up.
            known: a shorter tail, which is not read again.

        Returns:
            None if that is the whole payload, or nearly: read it with `payload`.

        Raises:
            InvalidFile: the file is truncated before the payload's end.
        """
        place = self._place(stream * self.header.tiles + tile)
        size = WORD_BYTES * (int(place.size // WORD_BYTES * share) + 1)
        if size >= place.size:
            return None
        start = place.offset + place.size - size
        return self.reader.at(start, size - len(known), place.name) + known

    def _place(self, number: int) -> PayloadPlace:
        """Return the place of a payload; all payloads before it have lengths in front."""
        while len(self._places) <= number:
            self._places.append(self._next_place(len(self._places)))
        return self._places[number]

    def _next_place(self, number: int) -> PayloadPlace:
        reader, header = self.reader, self.header
        stream, tile = divmod(number, header.tiles)
        name = f"tile {tile} of stream {stream}"
        start = reader.offset
        if number == header.streams * header.tiles - 1:
            size = reader.left - CRC32_BYTES
            if size < 0 or size % WORD_BYTES or size // WORD_BYTES > MAX_PAYLOAD_WORDS:
                raise InvalidFile(
                    "the file is damaged or truncated in its last tile; download it again.",
                    offset=start,
                )
            return PayloadPlace(name, start, start, size)
        size = WORD_BYTES * reader.varint(f"the length of {name}", MAX_PAYLOAD_WORDS)
        offset = reader.offset
        reader.skip(size + CRC16_BYTES, name)
        return PayloadPlace(name, start, offset, size)


def read_front(file: BinaryIO) -> Front:
    """Return the front of a file that is open for reading.

    Raises:
        InvalidFile: as `parse`, as far as the front shows it; there is no limit on pixels.
        OSError: the file cannot be read.
    """
    return Front(FileReader(file))


def _sections(reader: FileReader) -> tuple[Section, ...]:
    """Read the sections before the codes, and the start of the codes."""
    sections: list[Section] = []
    while True:
        start = reader.offset
        kind = reader.take(1, "a section's kind")[0]
        check_section_kind(kind, {section.kind for section in sections}, offset=start)
        if kind == KIND_CODES:
            reader.varint("the length of the codes section", 0)
            return tuple(sections)
        if len(sections) + 1 == MAX_SECTIONS:
            raise LimitExceeded(
                f"the file has more than {MAX_SECTIONS} sections; download it again.", offset=start
            )
        name = kind_name(kind)
        length = reader.varint(f"the length of the {name} section", section_limit(kind))
        sections.append(Section(kind, reader.take(length, f"the {name} section")))
