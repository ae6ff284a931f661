"""Files for the tests: any legal one, and a small one with everything in it."""

from __future__ import annotations

from hypothesis import strategies as st

from vqzip.container.fields import (
    CRITICAL,
    KIND_ALPHA,
    KIND_CODES,
    KIND_EXIF,
    KIND_ICC,
    KIND_XMP,
    MAX_SIDE,
    PLAIN_KIND_OF,
    Header,
    Section,
    VqzFile,
    crc32,
)

MODEL_ID = bytes(range(8))
NO_LIMIT = MAX_SIDE * MAX_SIDE


def one_tile_header(width: int = 512, height: int = 384, streams: int = 5) -> Header:
    return Header(width, height, "rgb", streams, 24, 10, MODEL_ID)


def small_file() -> VqzFile:
    """Two streams of two tiles, all known sections and one of a later version."""
    header = Header(300, 200, "gray", 2, 56, 8, MODEL_ID)
    streams = ((b"abcd", b"efghijkl"), (b"", b"mnop"))
    sections = (
        Section(KIND_ICC, b"icc"),
        Section(0x42, b"later"),
        Section(KIND_EXIF, b""),
        Section(KIND_XMP, b"xmp"),
        Section(KIND_ALPHA, b"alpha"),
    )
    return VqzFile(header, streams, sections)


def with_file_crc(body: bytes) -> bytes:
    """Return a body with the CRC-32 that makes it a file, however wrong it is otherwise."""
    return body + crc32(body).to_bytes(4, "little")


@st.composite
def headers(draw: st.DrawFn) -> Header:
    """Any header of at most 64 payloads."""
    tile_log2 = draw(st.integers(8, 16))
    across, down = draw(st.integers(1, 4)), draw(st.integers(1, 4))
    largest = 1 << tile_log2
    return Header(
        width=(across - 1) * largest + draw(st.integers(1, largest)),
        height=(down - 1) * largest + draw(st.integers(1, largest)),
        mode=draw(st.sampled_from(["rgb", "gray"])),
        streams=draw(st.integers(1, 4)),
        quality_step=draw(st.integers(0, 56)),
        tile_log2=tile_log2,
        model_id=draw(st.binary(min_size=8, max_size=8)),
    )


payloads = st.binary(max_size=300).map(lambda data: data[: len(data) // 4 * 4])

known_kinds = st.sampled_from([KIND_ALPHA, KIND_ICC, KIND_EXIF, KIND_XMP, *PLAIN_KIND_OF])
later_kinds = st.integers(0, CRITICAL - 1).filter(lambda kind: kind not in (3, 4, 5, 7, 8))


@st.composite
def files(draw: st.DrawFn) -> VqzFile:
    """Any file that a writer of version 1 may write, and sections that later ones may add."""
    header = draw(headers())
    streams = tuple(
        tuple(draw(payloads) for _ in range(header.tiles)) for _ in range(header.streams)
    )
    # An item is there plain or packed.
    kinds = draw(st.lists(known_kinds, unique_by=lambda kind: PLAIN_KIND_OF.get(kind, kind)))
    kinds += draw(st.lists(later_kinds, max_size=3))
    assert KIND_CODES not in kinds
    sections = [Section(kind, draw(st.binary(max_size=300))) for kind in kinds]
    return VqzFile(header, streams, tuple(draw(st.permutations(sections))))
