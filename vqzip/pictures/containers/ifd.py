"""Directories of TIFF (TIFF 6.0, section 2), in which EXIF is stored, too: read and written as bytes.

Values stay as they are stored, so that what is copied does not change.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

BYTE_ORDERS = {b"II": "<", b"MM": ">"}
EXIF_IFD, GPS_IFD, INTEROP_IFD = 0x8769, 0x8825, 0xA005
POINTERS = (EXIF_IFD, GPS_IFD, INTEROP_IFD)

_SIZES = {1: 1, 2: 1, 3: 2, 4: 4, 5: 8, 6: 1, 7: 1, 8: 2, 9: 4, 10: 8, 11: 4, 12: 8, 13: 4}
"""Bytes of a value by its type."""
_BIG_SIZES = {16: 8, 17: 8, 18: 8}
_FORMATS = {1: "B", 3: "H", 4: "I", 6: "b", 8: "h", 9: "i", 11: "f", 12: "d", 13: "I"}
_FORMATS |= {16: "Q", 17: "q", 18: "Q"}
MOST_ENTRIES, MOST_DIRECTORIES = 4096, 4096


@dataclass(frozen=True)
class Entry:
    """One tag of a directory.

    Args:
        tag: its number.
        kind: type of its values, as TIFF counts them.
        count: number of values.
        value: as stored, in the byte order of the file.
        order: `<` or `>`.
    """

    tag: int
    kind: int
    count: int
    value: bytes
    order: str

    @property
    def numbers(self) -> tuple[float, ...]:
        """Values that are numbers; a fraction is divided, one without a divisor is 0."""
        if self.kind in (5, 10):
            letter = "I" if self.kind == 5 else "i"
            parts = struct.unpack(f"{self.order}{2 * self.count}{letter}", self.value)
            pairs = zip(parts[::2], parts[1::2], strict=True)
            return tuple(above / below if below else 0.0 for above, below in pairs)
        letter = _FORMATS.get(self.kind, "")
        if not letter:
            return ()
        return struct.unpack(f"{self.order}{self.count}{letter}", self.value)

    @property
    def first(self) -> int:
        """The first value as an integer, 0 without a number."""
        numbers = self.numbers
        return int(numbers[0]) if numbers else 0


@dataclass(frozen=True)
class Tree:
    """A directory with the directories that it points to, ready to be written.

    Args:
        entries: without pointers to directories.
        below: by the tag that points to it.
    """

    entries: tuple[Entry, ...]
    below: tuple[tuple[int, Tree], ...] = ()


class Directories:
    """The directories of a TIFF structure.

    Args:
        data: the whole structure.

    Raises:
        ValueError: it does not begin as one.
    """

    def __init__(self, data: bytes) -> None:
        self.data = data
        self.order = BYTE_ORDERS.get(data[:2], "")
        mark = struct.unpack(f"{self.order}H", data[2:4])[0] if self.order else 0
        if mark not in (42, 43) or len(data) < 8:
            raise ValueError("this is no TIFF structure.")
        self.big = mark == 43
        self.first = self._number(8, "Q") if self.big else self._number(4, "I")

    def entries(self, start: int) -> list[Entry]:
        """Return the entries of the directory at an offset; damaged ones are left out."""
        return [entry for entry in self._entries(start) if entry is not None]

    def damaged(self, start: int) -> bool:
        """Return whether some entries of a directory cannot be read."""
        return any(entry is None for entry in self._entries(start))

    def chain(self) -> list[int]:
        """Return where the directories of the pages stand, as far as they can be followed."""
        found: list[int] = []
        start = self.first
        while start and start not in found and len(found) < MOST_DIRECTORIES:
            if start + 2 > len(self.data):
                break
            found.append(start)
            count, width, front = self._shape(start)
            link = start + front + count * width
            if link + (8 if self.big else 4) > len(self.data):
                break
            start = self._number(link, "Q" if self.big else "I")
        return found

    def tree(self, start: int, depth: int = 3) -> Tree:
        """Return a directory with those of EXIF, GPS and interoperability below it."""
        entries, below = [], []
        for entry in self.entries(start):
            if entry.tag not in POINTERS:
                entries.append(entry)
            elif depth and (inner := self.tree(entry.first, depth - 1)).entries:
                below.append((entry.tag, inner))
        return Tree(tuple(entries), tuple(below))

    def _entries(self, start: int) -> Iterator[Entry | None]:
        if not 0 < start <= len(self.data) - 2:
            return
        count, width, front = self._shape(start)
        for number in range(min(count, MOST_ENTRIES)):
            yield self._entry(start + front + number * width)

    def _entry(self, place: int) -> Entry | None:
        head, field = (12, 8) if self.big else (8, 4)
        if place + head + field > len(self.data):
            return None
        form = f"{self.order}HH{'Q' if self.big else 'I'}"
        tag, kind, count = struct.unpack(form, self.data[place : place + head])
        size = (_SIZES | _BIG_SIZES).get(kind, 0) * count
        where = place + head
        if size > field:
            where = self._number(where, "Q" if self.big else "I")
        if not size or where + size > len(self.data):
            return None
        return Entry(tag, kind, count, bytes(self.data[where : where + size]), self.order)

    def _shape(self, start: int) -> tuple[int, int, int]:
        """Return the number of entries of a directory, their width, and the bytes before them."""
        if self.big:
            return self._number(start, "Q"), 20, 8
        return self._number(start, "H"), 12, 2

    def _number(self, place: int, letter: str) -> int:
        size = struct.calcsize(f"{self.order}{letter}")
        number: int = struct.unpack(f"{self.order}{letter}", self.data[place : place + size])[0]
        return number


def write_tree(tree: Tree, order: str) -> bytes:
    """Return a TIFF structure of one directory and those below it."""
    mark = {"<": b"II*\0", ">": b"MM\0*"}[order]
    return mark + struct.pack(f"{order}I", 8) + _directory(tree, order, 8)


def add_entries(file: bytes, tree: Tree, order: str) -> bytes:
    """Return a TIFF file with more tags in the directory of its first page.

    The old directory stays where it is, unused; tags that it has already are not replaced.

    Args:
        file: of one page of 8-bit samples, uncompressed, not a BigTIFF.
        tree: entries in the byte order that the file shall have.
        order: `<` or `>`.
    """
    tags = Directories(file)
    old = in_order(Tree(tuple(tags.entries(tags.first))), order).entries
    names = {entry.tag for entry in old}
    added = tuple(entry for entry in tree.entries if entry.tag not in names)
    start = len(file) + len(file) % 2
    directory = _directory(Tree((*old, *added), tree.below), order, start)
    mark = {"<": b"II*\0", ">": b"MM\0*"}[order]
    front = mark + struct.pack(f"{order}I", start)
    return front + file[8:] + bytes(start - len(file)) + directory


def in_order(tree: Tree, order: str) -> Tree:
    """Return a tree with its values in another byte order."""
    return Tree(
        tuple(_in_order(entry, order) for entry in tree.entries),
        tuple((tag, in_order(inner, order)) for tag, inner in tree.below),
    )


def _in_order(entry: Entry, order: str) -> Entry:
    width = 4 if entry.kind in (5, 10) else _SIZES[entry.kind]
    if entry.order == order or width == 1:
        return Entry(entry.tag, entry.kind, entry.count, entry.value, order)
    swapped = b"".join(
        entry.value[at : at + width][::-1] for at in range(0, len(entry.value), width)
    )
    return Entry(entry.tag, entry.kind, entry.count, swapped, order)


def _directory(tree: Tree, order: str, start: int) -> bytes:
    """Return a directory that stands at `start`, followed by its values and directories."""
    pointers = [Entry(tag, 4, 1, bytes(4), order) for tag, _ in tree.below]
    below = dict(tree.below)
    entries: Sequence[Entry] = sorted((*tree.entries, *pointers), key=lambda entry: entry.tag)
    front = struct.pack(f"{order}H", len(entries))
    behind = start + 2 + 12 * len(entries) + 4
    rows, tail = [], b""
    for entry in entries:
        value = entry.value
        if entry.tag in below:
            at = behind + len(tail)
            value = struct.pack(f"{order}I", at)
            tail += _directory(below[entry.tag], order, at)
        elif len(value) > 4:
            at = behind + len(tail)
            tail += value
            value = struct.pack(f"{order}I", at)
        tail += bytes(len(tail) % 2)
        rows.append(struct.pack(f"{order}HHI", entry.tag, entry.kind, entry.count))
        rows.append(value.ljust(4, b"\0"))
    return front + b"".join(rows) + bytes(4) + tail
