"""What a file may ask for, and how a reader is told how much of it is there."""

from __future__ import annotations

import tracemalloc
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from vqzip.codec.codec import Codec, load
from vqzip.codec.opening import LARGEST_TILE_PIXELS, Completeness, completeness
from vqzip.container.build import build, build_header
from vqzip.container.fields import Header, VqzFile
from vqzip.errors import InvalidFile, LimitExceeded


@pytest.fixture(scope="module")
def codec(tiny_model: Path) -> Codec:
    return load(tiny_model)


@contextmanager
def memory_below(limit_bytes: int) -> Iterator[None]:
    """Check that the body takes less memory, as Python and NumPy count it."""
    tracemalloc.start()
    try:
        yield
        assert tracemalloc.get_traced_memory()[1] < limit_bytes
    finally:
        tracemalloc.stop()


def header_of(codec: Codec, width: int, height: int, tile_log2: int) -> Header:
    return Header(width, height, "rgb", 3, 24, tile_log2, codec.model.id[:8])


def empty_file(header: Header) -> bytes:
    """Return a file whose payloads have no words: the fewest bytes for a size."""
    return build(VqzFile(header, ((b"",) * header.tiles,) * header.streams))


@pytest.mark.parametrize(
    ("streams", "expected", "said"),
    [
        (((b"", b""), (b"", b"")), (3, 4), "levels 1 to 3 (of 3), 100 % of its parts"),
        (((b"", b""), (b"", None)), (2, 3), "levels 1 to 2 (of 3), 75 % of its parts"),
        (((b"", None), (b"", b"")), (0, 3), "no complete level (of 3), 75 % of its"),
        (((None, None), (None, None)), (0, 0), "no complete level (of 3), 0 % of"),
    ],
)
def test_levels_are_there_when_their_streams_are_in_every_tile(
    streams: tuple[tuple[bytes | None, ...], ...], expected: tuple[int, int], said: str
) -> None:
    header = Header(300, 20, "rgb", 2, 0, 8, bytes(8))
    there = completeness(VqzFile(header, streams), (0, 0, 1))
    assert (there.levels, there.parts) == expected
    assert str(there).startswith(said)
    assert there.whole == (expected == (3, 4))


def test_a_single_level_is_told_as_one() -> None:
    assert str(Completeness(1, 4, 1, 3)) == "level 1 (of 4), 33 % of its parts"


@pytest.mark.parametrize("tile_log2", [12, 14, 16])
def test_stream_tiles_that_take_too_much_memory_are_refused(codec: Codec, tile_log2: int) -> None:
    data = empty_file(header_of(codec, 4096, 4096, tile_log2))
    expected = f"more than the {LARGEST_TILE_PIXELS}"
    with memory_below(1 << 20), pytest.raises(LimitExceeded, match=expected):
        codec.decode_picture(data)


@pytest.mark.parametrize("size", [(1 << 20, 1 << 20), (1 << 20, 1), (1, 1 << 20), (40000, 40000)])
@pytest.mark.parametrize("partial", [False, True])
def test_a_header_alone_takes_no_memory_for_the_size_it_states(
    codec: Codec, size: tuple[int, int], partial: bool
) -> None:
    header = header_of(codec, *size, 16)
    data = build_header(header) + b"\x81\x00"
    with memory_below(16 << 20), pytest.raises(InvalidFile):
        codec.decode_picture(data, partial=partial)
