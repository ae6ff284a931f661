"""HEIC: read where pillow-heif is installed, one sentence where it is not."""

from __future__ import annotations

import io
import sys
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
from PIL import Image

from tests.pictures.made_pictures import NO_LIMIT, encoded, exif_with_orientation, gradient, ramp
from vqzip.errors import PictureError
from vqzip.pictures.read import PictureRead, read_file
from vqzip.pictures.sources import is_heic

FRONT = b"\0\0\0\x18ftypheic\0\0\0\0mif1heic"


@pytest.fixture
def heif() -> ModuleType:
    """pillow-heif, which only the extras bring."""
    module: ModuleType = pytest.importorskip("pillow_heif")
    return module


def read(source: bytes | Path) -> PictureRead:
    return read_file(source, max_pixels=NO_LIMIT)


def test_brands_tell_heic_from_avif() -> None:
    assert is_heic(FRONT)
    assert is_heic(FRONT.replace(b"ftypheic", b"ftypmif1"))
    assert not is_heic(FRONT.replace(b"heic", b"avif"))
    assert not is_heic(encoded(Image.fromarray(gradient()), "AVIF"))
    assert not is_heic(b"")
    # Beyond the box of brands lies anything.
    assert not is_heic(b"\0\0\0\x10ftypavif\0\0\0\0heic")


@pytest.mark.parametrize("source", ["bytes", "path"])
def test_without_pillow_heif_a_sentence_says_what_to_install(
    source: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "pillow_heif", None)
    path = tmp_path / "photo.heic"
    path.write_bytes(FRONT + bytes(100))
    with pytest.raises(PictureError, match=r"is HEIC, which needs pillow-heif: .* vqzip\[heic\]"):
        read(path if source == "path" else path.read_bytes())


def test_colors_and_metadata_come_through(heif: ModuleType) -> None:
    file = io.BytesIO()
    exif = exif_with_orientation(1)
    image = heif.from_pillow(Image.fromarray(gradient(64, 96)))
    image.save(file, quality=95, chroma=444, exif=exif)
    found = read(file.getvalue())
    assert found.warning is None
    assert found.picture.pixels.shape == (64, 96, 3)
    assert np.abs(found.picture.pixels.astype(int) - gradient(64, 96)).mean() < 6
    assert found.picture.metadata.exif == exif


def test_gray_stays_gray(heif: ModuleType) -> None:
    file = io.BytesIO()
    heif.from_pillow(Image.fromarray(ramp(64, 96))).save(file, quality=95)
    assert read(file.getvalue()).picture.is_gray


def test_ten_bits_and_further_pictures_are_told_of(heif: ModuleType) -> None:
    file = io.BytesIO()
    deep = gradient(64, 96).astype(np.uint16) * 257
    heif.from_bytes("RGB;16", (96, 64), deep.tobytes()).save(file, quality=95, chroma=444)
    found = read(file.getvalue())
    assert found.losses == ("more than 8 bits a sample",)
    assert np.abs(found.picture.pixels.astype(int) - gradient(64, 96)).mean() < 6
    several = io.BytesIO()
    images = heif.from_pillow(Image.fromarray(gradient(64, 64)))
    images.add_from_pillow(Image.fromarray(gradient(64, 64)[::-1]))
    images.save(several)
    assert read(several.getvalue()).losses == ("a further picture",)


def test_damaged_heic_is_refused(heif: ModuleType) -> None:
    with pytest.raises(PictureError, match="damaged or no picture"):
        read(FRONT + bytes(100))


def test_pillow_itself_is_left_as_it_was(heif: ModuleType) -> None:
    file = io.BytesIO()
    heif.from_pillow(Image.fromarray(gradient(64, 64))).save(file)
    before = dict(Image.OPEN)
    read(file.getvalue())
    assert before == Image.OPEN


@pytest.mark.parametrize("front", [b"\xff\x0a", b"\0\0\0\x0cJXL \r\n\x87\n"])
def test_without_its_plugin_jpeg_xl_gets_a_sentence_too(
    front: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("pillow_jxl", "pillow_jxl.JpegXLImagePlugin"):
        monkeypatch.setitem(sys.modules, name, None)
    with pytest.raises(
        PictureError, match="is JPEG XL, which needs pillow-jxl-plugin: pip install"
    ):
        read(front + bytes(100))
