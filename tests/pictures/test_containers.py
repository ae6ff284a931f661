"""Walks through containers: nothing is lost without a word, and damage stops them, no more."""

from __future__ import annotations

import importlib.util
import struct
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.pictures import loss_table
from tests.pictures import made_files as made
from tests.pictures.loss_table import CONTAINERS, KEPT, NAMED, NEEDS, PROFILE, UPRIGHT
from tests.pictures.made_files import RGB
from tests.pictures.made_pictures import NO_LIMIT, encoded, gradient
from vqzip.errors import PictureError
from vqzip.pictures.containers.findings import Findings
from vqzip.pictures.containers.look import WALKERS, look_through
from vqzip.pictures.read import read_file

PAGE = Path(__file__).parents[2] / "docs" / "promises" / "pictures_kept.md"


def there(container: str) -> bool:
    return importlib.util.find_spec(NEEDS.get(container, "PIL")) is not None


@pytest.mark.parametrize("container", CONTAINERS)
def test_every_cell_of_the_loss_table_is_kept_named_or_cannot_occur(container: str) -> None:
    if not there(container):
        pytest.skip(f"{NEEDS[container]} is not installed")
    row = loss_table.table(container)
    assert set(row.values()) <= {KEPT, NAMED, loss_table.CANNOT_OCCUR}
    line = f"| {container} | {' | '.join(row[column] for column in loss_table.COLUMNS)} |"
    assert line in PAGE.read_text(encoding="utf-8")


@pytest.mark.parametrize("container", CONTAINERS)
def test_strict_refuses_what_is_named(container: str) -> None:
    if not there(container):
        pytest.skip(f"{NEEDS[container]} is not installed")
    for column, data in CONTAINERS[container]().items():
        if loss_table.outcome(container, column, data) == NAMED:
            with pytest.raises(PictureError):
                read_file(data, max_pixels=NO_LIMIT).refuse_losses()


def found_in(image_format: str, data: bytes) -> Findings:
    found = look_through(data, image_format)
    assert found is not None
    return found


def told(data: bytes) -> tuple[str, ...]:
    found = read_file(data, max_pixels=NO_LIMIT)
    return (*found.losses, *found.text_losses)


MP4 = struct.pack(">I4s4sI4s", 20, b"ftyp", b"mp42", 0, b"isom") + bytes(40)
GAIN_MAP_XMP = UPRIGHT.replace(
    b"<rdf:Description ",
    b'<rdf:Description xmlns:hdrgm="http://ns.adobe.com/hdr-gain-map/1.0/" hdrgm:Version="1.0" ',
)
XMP_MARK = b"http://ns.adobe.com/xap/1.0/\0"
UNKNOWN_PARTS = {
    "a segment of JPEG": (made.jpeg_with((0xEB, b"JP\0\1\0\0\0\1")), "other data (APP11 JP)"),
    "a second comment of JPEG": (made.jpeg_with((0xFE, b""), (0xFE, b"x")), "text comments"),
    "a motion photo": (made.jpeg_with(behind=MP4), "a video"),
    "a motion photo behind padding": (made.jpeg_with(behind=bytes(9) + MP4), "a video"),
    "a motion photo behind a divider": (
        made.jpeg_with(behind=b"MotionPhoto_Data" + MP4 + b"SEFH"),
        "a video",
    ),
    "a gain map of ISO": (
        made.jpeg_with((0xE2, b"urn:iso:std:iso:ts:21496:-1\0\0\0\0\0")),
        "a gain map",
    ),
    "a gain map without an index": (
        made.jpeg_with((0xE1, XMP_MARK + GAIN_MAP_XMP), behind=encoded(RGB, "JPEG")),
        "a gain map",
    ),
    "two more pictures of JPEG": (
        made.jpeg_with((0xE2, made.mp_index(3)), behind=encoded(RGB, "JPEG")),
        "2 further pictures",
    ),
    "a torn profile of JPEG": (
        made.jpeg_with((0xE2, b"ICC_PROFILE\0\1\2" + PROFILE)),
        "a damaged ICC profile",
    ),
    "content credentials of PNG": (made.png_with((b"caBX", b"jumb")), "other data (caBX chunk)"),
    "a Raw profile that is damaged": (
        made.png_with((b"tEXt", b"Raw profile type xmp\0\nxmp\n  9\nzz\n")),
        "a damaged xmp profile",
    ),
    "PQ by cICP": (
        made.png_with((b"cICP", bytes([9, 16, 0, 1]))),
        "colors that are not sRGB and have no ICC profile",
    ),
    "a narrow range by cICP": (
        made.png_with((b"cICP", bytes([1, 13, 0, 0]))),
        "colors that are not sRGB and have no ICC profile",
    ),
    "a chunk of WebP": (made.webp_with((b"JUNK", b"abc")), "other data (JUNK chunk)"),
    "an application of GIF": (
        made.gif_with(made.gif_application(b"fractintfra", b"x")),
        "other data (fractintfra)",
    ),
    "text drawn by GIF": (
        made.gif_with(b"\x21\x01\x0c" + bytes(12) + b"\3abc\0"),
        "text drawn over the picture",
    ),
    "a box of JPEG 2000": (made.jp2_with(made.box(b"jp2i", b"x")), "other data (jp2i box)"),
    "GeoJP2": (
        made.jp2_with(made.box(b"uuid", bytes.fromhex("b14bf8bd083d4b43a5ae8cd7d5a6ce03"))),
        "other data (GeoJP2)",
    ),
    "XML of JPEG 2000": (made.jp2_with(made.box(b"xml ", b"<gml/>")), "other data (XML)"),
    "a box of AVIF": (encoded(RGB, "AVIF") + made.box(b"uuid", b"x" * 16), "other data (uuid box)"),
    "a video in AVIF": (encoded(RGB, "AVIF") + made.box(b"mpvd", b"x" * 16), "a video"),
    "smaller pages of TIFF": (
        made.tiff_of(gradient(), (330, 4, 2, bytes(8)), photometric=2),
        "2 further pictures",
    ),
    "layers of TIFF": (
        made.tiff_of(gradient(), (37724, 7, 5, b"Adobe"), photometric=2),
        "layers",
    ),
    "a large unknown tag": (
        made.tiff_of(gradient(), (65123, 7, 70_000, bytes(70_000)), photometric=2),
        "TIFF tags",
    ),
}


@pytest.mark.parametrize("name", UNKNOWN_PARTS)
def test_what_is_not_known_to_be_harmless_is_named(name: str) -> None:
    data, loss = UNKNOWN_PARTS[name]
    assert loss in told(data)


KEYWORDS = ("Title", "title", "TITLE", "parameters", "prompt", "workflow", "Comment", "sd-metadata")


@pytest.mark.parametrize("key", KEYWORDS)
@pytest.mark.parametrize("kind", [b"tEXt", b"zTXt", b"iTXt"])
def test_texts_of_png_are_named_whatever_their_keyword(key: str, kind: bytes) -> None:
    import zlib

    body = {
        b"tEXt": b"words",
        b"zTXt": b"\0" + zlib.compress(b"words"),
        b"iTXt": b"\0\0en\0\0words",
    }[kind]
    assert told(made.png_with((kind, key.encode() + b"\0" + body))) == ("text comments",)


HARMLESS = {
    "zeros behind a JPEG": made.jpeg_with(behind=bytes(512)),
    "a thumbnail of JFIF": made.jpeg_with((0xE0, b"JFXX\0\x13\1\1\0\0\0")),
    "the settings of an encoder": made.jpeg_with((0xEC, b"Ducky\0\1\0\4\0\0\0\x3c\0\0")),
    "layout of PNG": made.png_with(
        (b"pHYs", bytes(9)), (b"bKGD", bytes(6)), (b"tIME", bytes(7)), (b"iDOT", bytes(28))
    ),
    "technical texts of PNG": made.png_with(
        (b"tEXt", b"Software\0a program"),
        (b"tEXt", b"date:create\x002026"),
        (b"tEXt", b"png:IHDR.color_type\x002"),
    ),
    "times of a GIF": made.gif_with(
        made.gif_application(b"NETSCAPE2.0", b"\1\0\0"), b"\x21\xf9\4\0\0\0\0\0"
    ),
    "sRGB of BMP": made.bmp_v5(b"BGRs"),
    "an encoder's name in JPEG 2000": encoded(RGB, "JPEG2000"),
}


@pytest.mark.parametrize("name", HARMLESS)
def test_what_is_harmless_is_left_out_in_silence(name: str) -> None:
    assert told(HARMLESS[name]) == ()


def test_the_walk_does_not_care_how_a_profile_is_written() -> None:
    digits = PROFILE.hex().encode()
    lines = b"\n".join(digits[at : at + 72] for at in range(0, len(digits), 72))
    for kind in (b"icc", b"icm"):
        text = b"Raw profile type " + kind + b"\0\n" + kind + b"\n%8d\n" % len(PROFILE) + lines
        found = read_file(made.png_with((b"tEXt", text)), max_pixels=NO_LIMIT)
        assert found.picture.metadata.icc == PROFILE
        assert found.warning is None


@pytest.mark.parametrize("kind", [b"exif", b"APP1", b"app1"])
def test_exif_as_text_turns_the_picture(kind: bytes) -> None:
    raw = b"Exif\0\0" + loss_table.exif(6)
    text = b"Raw profile type " + kind + b"\0\n" + kind + b"\n%8d\n" % len(raw) + raw.hex().encode()
    picture = read_file(made.png_with((b"tEXt", text)), max_pixels=NO_LIMIT).picture
    assert (picture.width, picture.height) == (24, 33)


def test_an_animation_of_jpeg_xl_is_seen() -> None:
    # small, 64 x 64; not all default; extra fields: orientation 1, no size, no preview, animation.
    bits = [1, *[1, 1, 1, 0, 0], *[1, 0, 0], 0, 1, 0, 0, 0, 0, 0, 1]
    number = sum(bit << place for place, bit in enumerate(bits))
    assert found_in("JXL", b"\xff\x0a" + number.to_bytes(8, "little")).pictures == 2


@pytest.mark.parametrize("container", CONTAINERS)
@given(data=st.data())
def test_damaged_files_end_the_walk_and_no_more(container: str, data: st.DataObject) -> None:
    if not there(container):
        pytest.skip("not installed")
    files = list(_files(container).values())
    damaged = bytearray(data.draw(st.sampled_from(files)))
    for _ in range(data.draw(st.integers(1, 4))):
        damaged[data.draw(st.integers(0, min(len(damaged), 900) - 1))] ^= data.draw(
            st.integers(1, 255)
        )
    cut = data.draw(st.integers(0, len(damaged)))
    for image_format in WALKERS:
        found_in(image_format, bytes(damaged))
        found_in(image_format, bytes(damaged[:cut]))


_MADE: dict[str, dict[str, bytes]] = {}


def _files(container: str) -> dict[str, bytes]:
    if container not in _MADE:
        _MADE[container] = CONTAINERS[container]()
    return _MADE[container]
