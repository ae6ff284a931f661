"""What `build` writes, `parse` reads; and the bytes are those that docs/reference/format.md promises."""

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from tests.container.made_files import MODEL_ID, NO_LIMIT, files, one_tile_header, small_file
from vqzip.container.build import build, varint
from vqzip.container.fields import Header, VqzFile, crc16, crc32
from vqzip.container.parse import parse, parse_layout
from vqzip.container.reader import LARGEST_VARINT, Reader
from vqzip.errors import InvalidFile

MOST_OVERHEAD_BYTES = 48
"""Bound of the format for one tile without metadata."""


@given(files())
@example(small_file())
def test_parse_returns_what_was_built(file: VqzFile) -> None:
    data = build(file)
    assert parse(data, max_pixels=NO_LIMIT) == file
    assert parse(data, max_pixels=NO_LIMIT, partial=True) == file


@given(files())
@example(small_file())
def test_layout_counts_every_byte_once(file: VqzFile) -> None:
    data = build(file)
    layout = parse_layout(data)
    assert layout.header == file.header
    assert layout.stream_bytes == tuple(sum(len(p or b"") for p in s) for s in file.streams)
    assert [s.payload_bytes for s in layout.sections] == [len(s.payload) for s in file.sections]
    sections = sum(section.total_bytes for section in layout.sections)
    assert layout.codes_offset == layout.header_bytes + sections
    assert layout.overhead_bytes + sections + sum(layout.stream_bytes) == layout.total_bytes
    assert layout.total_bytes == len(data)
    for section, written in zip(layout.sections, file.sections, strict=True):
        assert data[section.offset] == written.kind


@given(st.integers(0, LARGEST_VARINT))
def test_varints_come_back(value: int) -> None:
    data = varint(value)
    assert len(data) == max(1, -(-value.bit_length() // 7))
    reader = Reader(data)
    assert reader.varint("it", LARGEST_VARINT) == value
    assert reader.left == 0


@pytest.mark.parametrize(
    "payload_bytes",
    [
        pytest.param((400, 2000, 8000, 20_000, 60_000), id="photograph at quality 8"),
        # Estimated for noise of 1024 x 1024 at the finest step: 12, 9, 9, 9, 9 codes at strides 32 to 2.
        pytest.param((12_000, 40_000, 150_000, 600_000, 2_400_000), id="noise"),
        pytest.param((0, 0, 0, 0, 0), id="empty"),
    ],
)
@pytest.mark.parametrize("side", [1, 127, 1024])
def test_overhead_of_one_tile_is_bounded(payload_bytes: tuple[int, ...], side: int) -> None:
    header = one_tile_header(side, side)
    file = VqzFile(header, tuple((bytes(size),) for size in payload_bytes))
    layout = parse_layout(build(file))
    assert layout.overhead_bytes <= MOST_OVERHEAD_BYTES
    assert layout.overhead_bytes + sum(payload_bytes) == layout.total_bytes


def test_overhead_is_bounded_for_the_widest_header() -> None:
    # Streams below 64 KiB: such a picture's real ones are larger and take lengths of 3 or 4 bytes.
    header = Header(60_000, 60_000, "gray", 5, 56, 16, b"\xff" * 8)
    file = VqzFile(header, tuple((bytes(4 * 10_000),) for _ in range(5)))
    assert parse_layout(build(file)).overhead_bytes <= MOST_OVERHEAD_BYTES


def test_bytes_of_a_file_are_as_documented() -> None:
    file = VqzFile(one_tile_header(512, 300, streams=2), ((b"coarse__",), (b"fine",)))
    front = b"\x89VQZ" + bytes([1, 24, 24, 1 | 2 << 4, 0x80, 4, 0xAC, 2]) + MODEL_ID
    body = front + crc32(front).to_bytes(4, "little") + b"\x81\x00" + b"\x02coarse__"
    body += crc16(b"\x02coarse__").to_bytes(2, "little") + b"fine"
    assert build(file) == body + crc32(body).to_bytes(4, "little")


def test_checksums_are_the_named_ones() -> None:
    # Check values of CRC-16/IBM-3740 ("CCITT-FALSE") and CRC-32/ISO-HDLC.
    assert crc16(b"123456789") == 0x29B1
    assert crc32(b"123456789") == 0xCBF43926


def test_a_file_with_missing_streams_is_not_written() -> None:
    file = VqzFile(one_tile_header(streams=2), ((b"abcd",), (None,)))
    assert not file.complete
    with pytest.raises(InvalidFile, match="missing streams"):
        build(file)
