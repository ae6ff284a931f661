"""Ranges of the dataclasses themselves: what cannot be a file cannot be made."""

import dataclasses
from typing import Any

import pytest

from tests.container.made_files import one_tile_header, small_file
from vqzip.container.fields import (
    KIND_ALPHA,
    KIND_CODES,
    KIND_ICC,
    MAX_METADATA_BYTES,
    MAX_SIDE,
    Header,
    Section,
    VqzFile,
    kind_name,
)
from vqzip.errors import InvalidFile, LimitExceeded, UnsupportedVersion


@pytest.mark.parametrize(
    ("width", "height", "tiles"),
    [(1, 1, 1), (1024, 1024, 1), (1025, 1024, 2), (4000, 3000, 12), (MAX_SIDE, 1, 1024)],
)
def test_tiles_cover_the_picture(width: int, height: int, tiles: int) -> None:
    assert one_tile_header(width, height).tiles == tiles


def test_derived_facts() -> None:
    header = one_tile_header(640, 480)
    assert (header.pixels, header.quality, header.tile_side) == (307_200, 4.0, 1024)
    assert kind_name(KIND_ALPHA) == "alpha"
    assert kind_name(0x42) == "unknown-0x42"
    assert small_file().section(KIND_ALPHA) == b"alpha"
    assert VqzFile(one_tile_header(streams=1), ((b"",),)).section(KIND_ALPHA) is None


@pytest.mark.parametrize(
    "change",
    [
        {"width": 0},
        {"width": MAX_SIDE + 1},
        {"height": -1},
        {"mode": "cmyk"},
        {"streams": 0},
        {"streams": 17},
        {"quality_step": 57},
        {"tile_log2": 7},
        {"tile_log2": 17},
        {"model_id": b"short"},
        {"width": MAX_SIDE, "height": MAX_SIDE, "tile_log2": 9},
    ],
)
def test_headers_have_ranges(change: dict[str, Any]) -> None:
    with pytest.raises(LimitExceeded):
        dataclasses.replace(one_tile_header(), **change)


def test_sections_have_ranges() -> None:
    with pytest.raises(LimitExceeded, match="icc section"):
        Section(KIND_ICC, bytes(MAX_METADATA_BYTES + 1))
    with pytest.raises(LimitExceeded, match="kind"):
        Section(256, b"")


@pytest.mark.parametrize(
    ("streams", "sections", "error"),
    [
        (((b"",),), (), "announces 2 streams"),
        (((b"",), (b"", b"")), (), "has 2 tiles"),
        (((b"",), (b"abc",)), (), "whole 32-bit words"),
        (((b"",), (b"",)), (Section(KIND_CODES, b""),), "twice"),
        (((b"",), (b"",)), (Section(KIND_ICC, b""),) * 2, "twice"),
    ],
)
def test_files_must_hold_together(
    streams: tuple[tuple[bytes, ...], ...], sections: tuple[Section, ...], error: str
) -> None:
    header: Header = one_tile_header(streams=2)
    with pytest.raises(InvalidFile, match=error):
        VqzFile(header, streams, sections)


def test_unknown_critical_sections_are_not_written() -> None:
    with pytest.raises(UnsupportedVersion):
        VqzFile(one_tile_header(streams=1), ((b"",),), (Section(0x99, b""),))
