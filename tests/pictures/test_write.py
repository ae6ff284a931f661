"""Writing: formats by suffix, what they cannot hold, and files that are whole or not there."""

import io
import os
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tests.pictures.made_pictures import NO_LIMIT, gradient, icc_profile, ramp
from vqzip.errors import PictureError
from vqzip.pictures.picture import Metadata, Picture
from vqzip.pictures.read import read_picture
from vqzip.pictures.write import (
    format_of,
    image_from_picture,
    picture_to_bytes,
    write_atomically,
    write_picture,
    written_picture,
)

needs_permissions = pytest.mark.skipif(
    not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root may write anywhere"
)


def read(source: Path | bytes) -> Picture:
    return read_picture(source, max_pixels=NO_LIMIT, strict=False)


@pytest.mark.parametrize("suffix", ["", ".png", ".PNG", ".webp", ".tif", ".bmp", ".jp2", ".ppm"])
@pytest.mark.parametrize("pixels", [gradient(), ramp()], ids=["rgb", "gray"])
def test_lossless_formats(suffix: str, pixels: np.ndarray, tmp_path: Path) -> None:
    path = tmp_path / f"picture{suffix}"
    write_picture(Picture(pixels), path)
    found = read(path).pixels
    if suffix == ".webp" and pixels.ndim == 2:
        found = found[..., 0]
    assert np.array_equal(found, pixels)
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("suffix", [".png", ".webp", ".tiff", ".tga", ".jp2"])
def test_formats_with_alpha(suffix: str) -> None:
    data = picture_to_bytes(Picture(gradient(), ramp()), format_of(Path(f"picture{suffix}")))
    found = read(data)
    assert found.alpha is not None
    assert np.array_equal(found.alpha, ramp())
    assert np.array_equal(found.pixels, gradient())


@pytest.mark.parametrize("image_format", ["BMP", "PPM"])
def test_formats_without_alpha_get_white_below(image_format: str) -> None:
    for pixels in (gradient(), ramp()):
        alpha = np.zeros_like(ramp())
        alpha[3, 4], alpha[5, 6] = 255, 128
        found = read(picture_to_bytes(Picture(pixels, alpha), image_format)).pixels
        assert (found[0, 0] == 255).all()
        assert np.array_equal(found[3, 4], pixels[3, 4])
        half = (pixels[5, 6].astype(float) * 128 + 255 * 127) / 255
        assert np.array_equal(found[5, 6], np.rint(half))


def test_jpeg_keeps_the_colors_whole() -> None:
    stripes = np.zeros((64, 64, 3), np.uint8)
    stripes[:, ::2] = (255, 0, 0)
    stripes[:, 1::2] = (0, 0, 255)
    data = picture_to_bytes(Picture(stripes, np.full((64, 64), 255, np.uint8)), "JPEG")
    assert np.abs(read(data).pixels.astype(int) - stripes).mean() < 8


def test_images_have_the_right_mode() -> None:
    modes = [
        image_from_picture(Picture(pixels, alpha)).mode
        for pixels in (ramp(), gradient())
        for alpha in (None, ramp())
    ]
    assert modes == ["L", "LA", "RGB", "RGBA"]


@pytest.mark.parametrize("name", ["picture.vqz", "picture.txt", "picture.psd"])
def test_suffixes_that_nobody_writes(name: str) -> None:
    with pytest.raises(PictureError, match=r"use one such as \.png, \.webp"):
        format_of(Path(name))


def test_what_a_format_cannot_hold() -> None:
    with pytest.raises(PictureError, match="WEBP cannot hold this picture"):
        picture_to_bytes(Picture(np.zeros((1, 20_000), np.uint8)), "WEBP")


def test_metadata_too_large_for_the_format_are_left_out_and_named() -> None:
    packet = b"<x:xmpmeta>" + b" " * 70_000 + b"</x:xmpmeta>"
    large = Metadata(icc_profile(), b"II*\0" + bytes(70_000), packet)
    written = written_picture(Picture(gradient(), None, large), "JPEG")
    assert written.left_out == ("EXIF", "XMP")
    assert read(written.data).metadata == Metadata(icc=icc_profile())
    for image_format in ("BMP", "PPM", "GIF", "JPEG2000"):
        found = written_picture(Picture(gradient(), None, large), image_format)
        assert found.left_out == ("ICC profile", "EXIF", "XMP")
    for image_format in ("PNG", "WEBP", "TIFF"):
        assert written_picture(Picture(gradient(), None, large), image_format).left_out == ()
    # Pillow takes EXIF apart for this format, and these are damaged.
    assert written_picture(Picture(gradient(), None, large), "AVIF").left_out == ("EXIF",)


def test_files_are_not_clobbered(tmp_path: Path) -> None:
    path = tmp_path / "out.png"
    write_atomically(path, b"first", force=False)
    with pytest.raises(PictureError, match=r"out\.png already exists; use `force`"):
        write_atomically(path, b"second", force=False)
    assert path.read_bytes() == b"first"
    write_atomically(path, b"third", force=True)
    assert path.read_bytes() == b"third"
    assert list(tmp_path.iterdir()) == [path]


def test_links_are_followed(tmp_path: Path) -> None:
    path, link = tmp_path / "out.png", tmp_path / "link.png"
    path.write_bytes(b"first")
    link.symlink_to(path)
    write_atomically(link, b"second", force=True)
    assert link.is_symlink()
    assert path.read_bytes() == b"second"


def test_devices_are_not_replaced() -> None:
    write_atomically(Path(os.devnull), b"gone", force=False)
    assert not Path(os.devnull).is_file()


def test_permissions_are_a_users(tmp_path: Path) -> None:
    path, plain = tmp_path / "out.png", tmp_path / "plain"
    write_atomically(path, b"data", force=False)
    plain.write_bytes(b"data")
    assert path.stat().st_mode == plain.stat().st_mode


def test_folders_that_cannot_be_written_to(tmp_path: Path) -> None:
    with pytest.raises(PictureError, match="check folder and permissions"):
        write_atomically(tmp_path / "none" / "out.png", b"", force=False)
    with pytest.raises(PictureError, match="is a folder"):
        write_atomically(tmp_path, b"", force=True)


@needs_permissions
def test_read_only_folders(tmp_path: Path) -> None:
    tmp_path.chmod(0o500)
    with pytest.raises(PictureError, match="Permission denied"):
        write_atomically(tmp_path / "out.png", b"", force=False)
    assert list(tmp_path.iterdir()) == []


def test_a_failed_write_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(PictureError, match="No space left on device"):
        write_atomically(tmp_path / "out.png", b"data", force=False)
    assert list(tmp_path.iterdir()) == []


def test_profiles_that_do_not_fit_are_not_written() -> None:
    picture = Picture(ramp(), None, Metadata(icc=b"not a profile"))
    with Image.open(io.BytesIO(picture_to_bytes(picture, "PNG"))) as image:
        assert "icc_profile" not in image.info
