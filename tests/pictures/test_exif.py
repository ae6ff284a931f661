"""EXIF as bytes: upright, without its thumbnail, and otherwise as it was."""

from __future__ import annotations

import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from tests.pictures.made_pictures import NO_LIMIT, encoded, exif_with_orientation, gradient
from vqzip.pictures.exif import kept_exif, read_exif_orientation
from vqzip.pictures.read import read_file

JPEG_TAGS, STRIP_TAGS = (0x0201, 0x0202), (0x0111, 0x0117)
ORDERS = pytest.mark.parametrize("order", ["<", ">"])


def with_thumbnail(
    thumbnail: bytes, order: str, behind: bytes = b"", tags: tuple[int, int] = JPEG_TAGS
) -> tuple[bytes, int]:
    """EXIF of an orientation, a maker note and a thumbnail, and where the thumbnail begins."""
    mark = b"II*\0" if order == "<" else b"MM\0*"
    note = b"maker's own"
    first, second = 8, 8 + 2 + 2 * 12 + 4
    start = second + 2 + 2 * 12 + 4 + len(note)
    entries = [
        struct.pack(f"{order}HHIHH", 0x0112, 3, 1, 6, 0),
        struct.pack(f"{order}HHII", 0x927C, 7, len(note), start - len(note)),
    ]
    links = [
        struct.pack(f"{order}HHII", tags[0], 4, 1, start),
        struct.pack(f"{order}HHII", tags[1], 4, 1, len(thumbnail)),
    ]
    exif = mark + struct.pack(f"{order}IH", first, 2) + b"".join(entries)
    exif += struct.pack(f"{order}I", second) + struct.pack(f"{order}H", 2) + b"".join(links)
    return exif + bytes(4) + note + thumbnail + behind, start


@ORDERS
@pytest.mark.parametrize("tags", [JPEG_TAGS, STRIP_TAGS])
def test_a_thumbnail_at_the_end_is_cut_off(order: str, tags: tuple[int, int]) -> None:
    exif, start = with_thumbnail(b"\xff\xd8 what was cut off \xff\xd9", order, tags=tags)
    kept = kept_exif(exif)
    assert len(kept) == start
    assert b"cut off" not in kept
    assert b"maker's own" in kept
    assert read_exif_orientation(exif) == 6
    assert read_exif_orientation(kept) == 1
    loaded = Image.Exif()
    loaded.load(kept)
    assert loaded.get_ifd(1) == {}
    assert loaded[0x927C] == b"maker's own"


@ORDERS
def test_a_thumbnail_in_the_middle_is_blanked(order: str) -> None:
    exif, start = with_thumbnail(b"\xff\xd8 what was cut off \xff\xd9", order, behind=b"later tags")
    kept = kept_exif(exif)
    assert len(kept) == len(exif)
    assert b"cut off" not in kept
    assert kept.endswith(b"later tags")
    assert not any(kept[start : -len(b"later tags")])


@pytest.mark.parametrize("big_endian", [False, True])
@pytest.mark.parametrize("orientation", range(9))
def test_without_a_thumbnail_the_orientation_alone_changes(
    orientation: int, big_endian: bool
) -> None:
    exif = exif_with_orientation(orientation, big_endian=big_endian)
    assert kept_exif(exif) == exif_with_orientation(1, big_endian=big_endian)


def test_a_thumbnail_that_points_at_other_tags_harms_nothing() -> None:
    exif, _ = with_thumbnail(b"\xff\xd8 small", "<")
    pointing = exif.replace(struct.pack("<HHI", 0x0201, 4, 1), struct.pack("<HHI", 0x0201, 4, 1))
    place = pointing.index(struct.pack("<HHI", 0x0201, 4, 1)) + 8
    pointing = pointing[:place] + struct.pack("<I", 8) + pointing[place + 4 :]
    kept = kept_exif(pointing)
    assert len(kept) == len(pointing)
    assert kept[8:34] == kept_exif(exif)[8:34]


@given(st.data())
def test_damage_is_survived_and_nothing_grows(data: st.DataObject) -> None:
    exif = bytearray(with_thumbnail(b"\xff\xd8 small", data.draw(st.sampled_from("<>")))[0])
    for _ in range(data.draw(st.integers(1, 4))):
        exif[data.draw(st.integers(4, len(exif) - 1))] = data.draw(st.integers(0, 255))
    cut = bytes(exif[: data.draw(st.integers(0, len(exif)))])
    kept = kept_exif(cut)
    assert len(kept) <= len(cut)
    assert kept_exif(kept) == kept


def test_thumbnails_of_files_are_dropped() -> None:
    exif, start = with_thumbnail(b"\xff\xd8 what was cut off \xff\xd9", "<")
    data = encoded(Image.fromarray(gradient()), "JPEG", exif=b"Exif\0\0" + exif)
    found = read_file(data, max_pixels=NO_LIMIT)
    assert found.picture.metadata.exif == kept_exif(exif)
    assert len(kept_exif(exif)) == start
    assert found.warning is None


def test_thumbnails_in_xmp_are_dropped() -> None:
    front, back = b'<x:xmpmeta xmlns:x="adobe:ns:meta/"><a>kept</a>', b"<b>too</b></x:xmpmeta>"
    thumbnails = b"<xmp:Thumbnails><rdf:Alt>/9j/4AAQ</rdf:Alt></xmp:Thumbnails>"
    data = encoded(Image.fromarray(gradient()), "WEBP", xmp=front + thumbnails + back)
    assert read_file(data, max_pixels=NO_LIMIT).picture.metadata.xmp == front + back
    unfinished = front + b"<xmp:Thumbnails>" + back
    data = encoded(Image.fromarray(gradient()), "WEBP", xmp=unfinished)
    assert read_file(data, max_pixels=NO_LIMIT).picture.metadata.xmp == unfinished
