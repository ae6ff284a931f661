"""Damaged, cut, hostile and newer files are refused, each with the right error, and quickly."""

import tracemalloc

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.container.made_files import (
    MODEL_ID,
    NO_LIMIT,
    files,
    one_tile_header,
    small_file,
    with_file_crc,
)
from vqzip.container.build import build, build_header, varint
from vqzip.container.fields import KIND_ICC, MAX_SECTIONS, VqzFile, crc32
from vqzip.container.parse import parse, parse_layout
from vqzip.errors import (
    ChecksumMismatch,
    InvalidFile,
    LimitExceeded,
    NotVqz,
    Truncated,
    UnsupportedVersion,
)

DATA = build(small_file())
LAST_PAYLOAD = len(DATA) - 8
"""Offset of the last payload of the small file: four bytes, then the CRC-32."""


def header_with(**changes: int) -> bytes:
    """Return a header of one stream whose bytes were changed before its CRC-32 was made."""
    front = bytearray(build_header(one_tile_header(100, 100, streams=1))[:-4])
    for place, value in changes.items():
        front[int(place.removeprefix("byte"))] = value
    return bytes(front) + crc32(bytes(front)).to_bytes(4, "little")


@pytest.mark.parametrize("length", range(len(DATA)))
def test_every_cut_is_noticed(length: int) -> None:
    with pytest.raises(InvalidFile) as caught:
        parse(DATA[:length], max_pixels=NO_LIMIT)
    assert caught.value.offset is not None
    assert caught.value.offset <= length
    if 0 < length < LAST_PAYLOAD:
        assert isinstance(caught.value, Truncated)
    with pytest.raises(InvalidFile):
        parse_layout(DATA[:length])


@pytest.mark.parametrize("place", range(len(DATA)))
def test_every_altered_byte_is_noticed(place: int) -> None:
    for change in (0x01, 0x02, 0x10, 0x40, 0x80, 0xFF):
        damaged = bytearray(DATA)
        damaged[place] ^= change
        with pytest.raises(InvalidFile):
            parse(bytes(damaged), max_pixels=NO_LIMIT)
        with pytest.raises(InvalidFile):
            parse_layout(bytes(damaged))


@pytest.mark.parametrize("more", [b"\0", b"\0\0\0\0", b"trailing", DATA])
def test_trailing_bytes_are_refused(more: bytes) -> None:
    with pytest.raises(InvalidFile):
        parse(DATA + more, max_pixels=NO_LIMIT)


@given(st.binary(max_size=200))
def test_alien_data_are_not_vqz(data: bytes) -> None:
    with pytest.raises(InvalidFile):
        parse(data, max_pixels=NO_LIMIT)


@given(files(), st.data())
def test_a_spliced_file_is_refused_or_itself(file: VqzFile, data: st.DataObject) -> None:
    whole = build(file)
    first, second = sorted(data.draw(st.tuples(*[st.integers(0, len(whole))] * 2)))
    spliced = whole[:second] + whole[first:]
    if spliced != whole:
        with pytest.raises(InvalidFile):
            parse(spliced, max_pixels=NO_LIMIT)


@given(files(), st.data())
def test_a_cut_file_gives_its_whole_payloads(file: VqzFile, data: st.DataObject) -> None:
    whole = build(file)
    start = parse_layout(whole).codes_offset + 2
    cut = parse(
        whole[: data.draw(st.integers(start, len(whole) - 1))], max_pixels=NO_LIMIT, partial=True
    )
    assert (cut.header, cut.sections) == (file.header, file.sections)
    kept = [payload for stream in cut.streams for payload in stream]
    wanted = [payload for stream in file.streams for payload in stream]
    there = kept.index(None)
    assert kept == wanted[:there] + [None] * (len(wanted) - there)


def test_a_cut_file_keeps_the_streams_before_the_cut() -> None:
    cut = parse(DATA[: LAST_PAYLOAD + 4], max_pixels=NO_LIMIT, partial=True)
    assert cut.streams == ((b"abcd", b"efghijkl"), (b"", None))
    assert not cut.complete


def test_partial_skips_a_damaged_payload_only() -> None:
    damaged = DATA.replace(b"efghijkl", b"efghiJkl")
    with pytest.raises(ChecksumMismatch, match="tile 1 of stream 0"):
        parse(damaged, max_pixels=NO_LIMIT)
    kept = parse(damaged, max_pixels=NO_LIMIT, partial=True)
    assert kept.streams == ((b"abcd", None), (b"", None))


def test_partial_needs_header_and_sections() -> None:
    for length in range(parse_layout(DATA).codes_offset + 2):
        with pytest.raises(InvalidFile):
            parse(DATA[:length], max_pixels=NO_LIMIT, partial=True)


def test_the_right_error_for_each_fault() -> None:
    with pytest.raises(NotVqz):
        parse(b"\x89PNG\r\n\x1a\n", max_pixels=NO_LIMIT)
    with pytest.raises(Truncated, match=r"the header needs \d+ more"):
        parse(DATA[:15], max_pixels=NO_LIMIT)
    with pytest.raises(ChecksumMismatch, match="header is damaged"):
        parse(DATA[:15] + b"X" + DATA[16:], max_pixels=NO_LIMIT)
    with pytest.raises(ChecksumMismatch, match="damaged or truncated"):
        parse(DATA[:-1], max_pixels=NO_LIMIT)
    with pytest.raises(LimitExceeded, match=r"300 x 200 pixels.*`max_pixels`"):
        parse(DATA, max_pixels=59_999)
    assert parse(DATA, max_pixels=60_000) == small_file()


@pytest.mark.parametrize(
    ("changes", "error", "words"),
    [
        ({"byte4": 2}, UnsupportedVersion, "version 2"),
        ({"byte6": 24 | 0x80}, UnsupportedVersion, "flag"),
        ({"byte6": 57}, LimitExceeded, "quality step must be 0 to 56, got 57"),
        ({"byte7": 0xF0}, LimitExceeded, "tile size"),
        ({"byte8": 0x80, "byte9": 0x00}, LimitExceeded, "shortest form"),
        ({"byte8": 0x00}, LimitExceeded, "width must be 1"),
        ({"byte9": 0x00}, LimitExceeded, "height must be 1"),
    ],
)
def test_fields_outside_their_range(
    changes: dict[str, int], error: type[InvalidFile], words: str
) -> None:
    with pytest.raises(error, match=words):
        parse(with_file_crc(header_with(**changes) + b"\x81\0"), max_pixels=NO_LIMIT)


def test_a_longer_header_asks_for_a_newer_reader() -> None:
    front = bytearray(build_header(one_tile_header())[:-4] + b"new")
    front[5] += 3
    data = bytes(front) + crc32(bytes(front)).to_bytes(4, "little")
    with pytest.raises(UnsupportedVersion, match="fields"):
        parse(data, max_pixels=NO_LIMIT)


def test_sections_that_must_not_be() -> None:
    header = build_header(one_tile_header(streams=1))
    critical = with_file_crc(header + b"\x99\x00" + b"\x81\x00")
    with pytest.raises(UnsupportedVersion, match="kind 0x99"):
        parse(critical, max_pixels=NO_LIMIT)
    # The same kind in a damaged file is damage, not the future.
    with pytest.raises(ChecksumMismatch):
        parse(critical + b"?", max_pixels=NO_LIMIT)
    twice = with_file_crc(header + b"\x03\x00\x03\x00" + b"\x81\x00")
    with pytest.raises(InvalidFile, match="icc section occurs twice"):
        parse(twice, max_pixels=NO_LIMIT)
    with pytest.raises(LimitExceeded, match="length of the codes section"):
        parse(with_file_crc(header + b"\x81\x04abcd"), max_pixels=NO_LIMIT)
    with pytest.raises(Truncated, match="section's kind"):
        parse(with_file_crc(header), max_pixels=NO_LIMIT)
    many = with_file_crc(header + b"\x42\x00" * MAX_SECTIONS + b"\x81\x00")
    with pytest.raises(LimitExceeded, match="more than 64 sections"):
        parse(many, max_pixels=NO_LIMIT)
    with pytest.raises(LimitExceeded, match="no legal number"):
        parse(with_file_crc(header + b"\x81\x00odd"), max_pixels=NO_LIMIT)


def huge_header() -> bytes:
    """Return a header, with a good CRC-32, of the largest picture in the smallest tiles."""
    side = varint(1 << 20)
    front = b"\x89VQZ" + bytes([1, 26, 0, 0x0F]) + side + side + MODEL_ID
    return front + crc32(front).to_bytes(4, "little")


@pytest.mark.parametrize(
    "data",
    [
        huge_header() + b"\x81\x00",
        build_header(one_tile_header()) + bytes([KIND_ICC]) + varint(1 << 24),
        build_header(one_tile_header()) + bytes([KIND_ICC]) + varint((1 << 35) - 1),
        build_header(one_tile_header()) + b"\x42" + varint(1 << 30),
        build_header(one_tile_header()) + b"\x81\x00" + varint(1 << 28),
        build_header(one_tile_header()) + b"\x81\x00" + b"\xff" * 100,
        build_header(one_tile_header(1 << 10, 1)) + b"\x42\x00" * 100_000,
    ],
    ids=["tiles", "icc", "icc-35-bits", "unknown", "payload", "varint", "many-sections"],
)
def test_bombs_take_no_memory(data: bytes) -> None:
    tracemalloc.start()
    try:
        for candidate in (data, with_file_crc(data)):
            with pytest.raises((LimitExceeded, Truncated)):
                parse(candidate, max_pixels=NO_LIMIT)
            with pytest.raises((LimitExceeded, Truncated)):
                parse_layout(candidate)
        assert tracemalloc.get_traced_memory()[1] < 4 * len(data) + 100_000
    finally:
        tracemalloc.stop()
