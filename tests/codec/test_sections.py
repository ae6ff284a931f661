"""Metadata as sections: small items plain, large ones packed, damage and bombs refused."""

from __future__ import annotations

import tracemalloc
import zlib

import numpy as np
import pytest

from vqzip.codec.sections import PACKED_FROM_BYTES, sections_of, with_sections
from vqzip.codec.tiles import Box
from vqzip.container.fields import (
    KIND_EXIF,
    KIND_ICC,
    KIND_PACKED_EXIF,
    KIND_PACKED_ICC,
    KIND_PACKED_XMP,
    KIND_XMP,
    MAX_METADATA_BYTES,
    Header,
    Section,
    VqzFile,
)
from vqzip.errors import InvalidFile
from vqzip.pictures.picture import Metadata, Picture

PIXELS = np.zeros((2, 3), np.uint8)
HEADER = Header(3, 2, "gray", 1, 0, 10, bytes(8))


def file_with(*sections: Section) -> VqzFile:
    return VqzFile(HEADER, ((b"",),), sections)


def read(*sections: Section) -> Metadata:
    return with_sections(PIXELS, file_with(*sections), Box(0, 0, 2, 3)).metadata


def test_small_items_stay_plain_and_large_ones_are_packed() -> None:
    small = Metadata(b"i" * 100, b"e" * (PACKED_FROM_BYTES - 1), b"x")
    large = Metadata(b"i" * PACKED_FROM_BYTES, b"e" * 10_000, b"x" * MAX_METADATA_BYTES)
    plain, packed = (sections_of(Picture(PIXELS, None, item)) for item in (small, large))
    assert [section.kind for section in plain] == [KIND_ICC, KIND_EXIF, KIND_XMP]
    assert [s.kind for s in packed] == [KIND_PACKED_ICC, KIND_PACKED_EXIF, KIND_PACKED_XMP]
    assert sum(len(section.payload) for section in packed) < 20_000
    assert read(*plain) == small
    assert read(*packed) == large


def test_what_does_not_get_smaller_stays_plain() -> None:
    noise = np.random.default_rng(0).bytes(10_000)
    (section,) = sections_of(Picture(PIXELS, None, Metadata(icc=noise)))
    assert section == Section(KIND_ICC, noise)


@pytest.mark.parametrize(
    "payload", [b"", b"no zlib", zlib.compress(b"x" * 99)[:-1], zlib.compress(b"x") + b"more"]
)
def test_damaged_items_are_refused(payload: bytes) -> None:
    with pytest.raises(InvalidFile):
        read(Section(KIND_PACKED_XMP, payload))


def test_bombs_take_no_memory() -> None:
    bomb = zlib.compress(bytes(1 << 28), 9)
    tracemalloc.start()
    with pytest.raises(InvalidFile, match="more than 16777216 bytes"):
        read(Section(KIND_PACKED_EXIF, bomb))
    assert tracemalloc.get_traced_memory()[1] < 80 << 20
    tracemalloc.stop()


def test_an_item_is_there_plain_or_packed() -> None:
    with pytest.raises(InvalidFile, match="exif section occurs twice"):
        file_with(Section(KIND_EXIF, b"a"), Section(KIND_PACKED_EXIF, b"b"))
