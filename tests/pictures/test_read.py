"""Reading: every mode of Pillow, orientation, limits, and what cannot be read."""

import io
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from tests.pictures.made_pictures import (
    NO_LIMIT,
    encoded,
    exif_with_orientation,
    gradient,
    icc_profile,
    ramp,
)
from vqzip.errors import PictureError
from vqzip.pictures.picture import Bytes2D, Picture
from vqzip.pictures.read import picture_from_image, read_picture


def read(source: bytes | Path, *, strict: bool = False) -> Picture:
    return read_picture(source, max_pixels=NO_LIMIT, strict=strict)


def with_alpha(colors: Bytes2D, alpha: Bytes2D) -> Image.Image:
    channels = colors[..., None] if colors.ndim == 2 else colors
    return Image.fromarray(np.concatenate([channels, alpha[..., None]], axis=2))


def test_plain_pictures_are_kept() -> None:
    for pixels in (gradient(), ramp(), gradient(1, 1), ramp(1, 300)):
        picture = read(encoded(Image.fromarray(pixels)), strict=True)
        assert np.array_equal(picture.pixels, pixels)
        assert picture.alpha is None
        assert picture.is_gray == (pixels.ndim == 2)
        assert (picture.height, picture.width) == pixels.shape[:2]


def test_gray_in_three_channels_stays_rgb() -> None:
    pixels = np.repeat(ramp()[..., None], 3, axis=2)
    assert np.array_equal(read(encoded(Image.fromarray(pixels))).pixels, pixels)


@pytest.mark.parametrize("image_format", ["PNG", "TIFF", "WEBP"])
def test_alpha_is_taken_apart(image_format: str) -> None:
    options = {"lossless": True, "exact": True} if image_format == "WEBP" else {}
    data = encoded(with_alpha(gradient(), ramp()), image_format, **options)
    picture = read(data, strict=True)
    assert np.array_equal(picture.pixels, gradient())
    assert picture.alpha is not None
    assert np.array_equal(picture.alpha, ramp())


def test_gray_with_alpha() -> None:
    picture = read(encoded(with_alpha(ramp(), ramp()[::-1])))
    assert np.array_equal(picture.pixels, ramp())
    assert picture.alpha is not None
    assert np.array_equal(picture.alpha, ramp()[::-1])


def test_opaque_alpha_is_none() -> None:
    opaque = np.full_like(ramp(), 255)
    assert read(encoded(with_alpha(gradient(), opaque))).alpha is None


def test_bilevel() -> None:
    bits = ramp() > 100
    picture = read(encoded(Image.fromarray(bits)), strict=True)
    assert np.array_equal(picture.pixels, np.where(bits, 255, 0))


def test_palettes() -> None:
    image = Image.fromarray(gradient()).quantize(16)
    plain = read(encoded(image))
    assert np.array_equal(plain.pixels, np.array(image.convert("RGB")))
    assert plain.alpha is None
    clear = read(encoded(image, transparency=3))
    assert clear.alpha is not None
    assert np.array_equal(clear.alpha == 0, np.array(image) == 3)
    assert np.array_equal(clear.pixels, plain.pixels)


def test_a_transparent_color() -> None:
    gray = read(encoded(Image.fromarray(ramp()), transparency=0))
    assert gray.is_gray
    assert gray.alpha is not None
    assert np.array_equal(gray.alpha == 0, ramp() == 0)
    color = tuple(int(sample) for sample in gradient()[5, 7])
    rgb = read(encoded(Image.fromarray(gradient()), transparency=color))
    assert rgb.alpha is not None
    assert rgb.alpha[5, 7] == 0
    assert rgb.alpha[5, 8] == 255


@pytest.mark.parametrize("image_format", ["PNG", "TIFF", "PPM"])
def test_sixteen_bits_are_scaled_not_clipped(image_format: str) -> None:
    samples = np.linspace(0, 65535, 24 * 33).round().astype(np.uint16).reshape(24, 33)
    data = encoded(Image.fromarray(samples), image_format)
    picture = read(data)
    assert picture.is_gray
    assert np.array_equal(picture.pixels, np.rint(samples / 257).astype(np.uint8))
    with pytest.raises(PictureError, match="more than 8 bits a sample, which"):
        read(data, strict=True)


def test_a_transparent_value_of_sixteen_bits() -> None:
    samples = (ramp().astype(np.uint16) << 8) + 1
    picture = read(encoded(Image.fromarray(samples), transparency=int(samples[3, 4])))
    assert picture.alpha is not None
    assert np.array_equal(picture.alpha == 0, samples == samples[3, 4])


def test_integers_whose_white_is_not_known_are_refused() -> None:
    image = Image.fromarray(ramp().astype(np.int32))
    with pytest.raises(PictureError, match="no known white"):
        read(encoded(image, "TIFF"))
    with pytest.raises(PictureError, match="no known white"):
        picture_from_image(image)


def test_floats_go_from_black_to_white() -> None:
    samples = np.linspace(0, 1, 24 * 33, dtype=np.float32).reshape(24, 33)
    data = encoded(Image.fromarray(samples), "TIFF")
    picture = read(data)
    assert picture.is_gray
    assert np.array_equal(picture.pixels, np.rint(samples * 255))
    with pytest.raises(PictureError, match="more than 8 bits a sample"):
        read(data, strict=True)


@pytest.mark.parametrize("sample", [-0.01, 1.01, 255.0, np.nan, np.inf, -np.inf])
def test_floats_out_of_range_are_refused(sample: float) -> None:
    samples = np.full((4, 5), 0.5, np.float32)
    samples[2, 3] = sample
    with pytest.raises(PictureError, match=r"from 0 \(black\) to 1 \(white\)"):
        read(encoded(Image.fromarray(samples), "TIFF"))


def test_colors_of_print_become_rgb() -> None:
    image = Image.fromarray(gradient())
    for options in ({}, {"icc_profile": b"garbage"}, {"icc_profile": icc_profile(b"CMYK")}):
        data = encoded(image.convert("CMYK"), "TIFF", **options)
        picture = read(data)
        assert np.array_equal(picture.pixels, gradient())
        assert picture.metadata.icc is None
        with pytest.raises(PictureError, match="CMYK colors"):
            read(data, strict=True)


def test_lab_becomes_rgb() -> None:
    light = Image.new("LAB", (4, 3), (255, 128, 128))
    picture = picture_from_image(light)
    assert picture.pixels.shape == (3, 4, 3)
    assert (picture.pixels > 250).all()


@pytest.mark.parametrize("mode", ["YCbCr", "HSV", "RGBX", "RGBa", "La", "PA"])
def test_modes_of_pillow_that_are_left(mode: str) -> None:
    image = Image.fromarray(gradient())
    via = {"RGBa": "RGBA", "La": "LA", "PA": "RGBA"}.get(mode)
    if mode == "PA":
        image = image.quantize(256).convert("PA")
    else:
        image = (image.convert(via) if via else image).convert(mode)
    picture = picture_from_image(image)
    assert picture.pixels.shape[:2] == (24, 33)
    assert picture.is_gray == (mode == "La")
    assert picture.alpha is None


@pytest.mark.parametrize("image_format", ["GIF", "PNG", "WEBP", "TIFF"])
def test_of_an_animation_the_first_frame(image_format: str) -> None:
    frames = [Image.new("RGB", (20, 10), color) for color in ("red", "lime", "blue")]
    options: dict[str, Any] = {"lossless": True} if image_format == "WEBP" else {}
    data = encoded(
        frames[0], image_format, save_all=True, append_images=frames[1:], duration=40, **options
    )
    assert (read(data).pixels == (255, 0, 0)).all()
    with pytest.raises(PictureError, match="2 further pictures"):
        read(data, strict=True)


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("big_endian", [False, True])
@pytest.mark.parametrize("image_format", ["PNG", "WEBP"])
def test_pictures_are_turned_upright(orientation: int, big_endian: bool, image_format: str) -> None:
    upright = Image.fromarray(gradient())
    # What a camera stores: the inverse of what Pillow does to show it.
    undo = {
        2: Image.Transpose.FLIP_LEFT_RIGHT,
        3: Image.Transpose.ROTATE_180,
        4: Image.Transpose.FLIP_TOP_BOTTOM,
        5: Image.Transpose.TRANSPOSE,
        6: Image.Transpose.ROTATE_90,
        7: Image.Transpose.TRANSVERSE,
        8: Image.Transpose.ROTATE_270,
    }
    stored = upright.transpose(undo[orientation]) if orientation > 1 else upright
    exif = exif_with_orientation(orientation, big_endian=big_endian)
    options = {"lossless": True} if image_format == "WEBP" else {}
    picture = read(encoded(stored, image_format, exif=exif, **options))
    assert np.array_equal(picture.pixels, gradient())
    assert picture.metadata.exif == exif_with_orientation(1, big_endian=big_endian)


def test_alpha_turns_with_the_picture() -> None:
    image = with_alpha(gradient(), ramp()).transpose(Image.Transpose.ROTATE_90)
    picture = read(encoded(image, exif=exif_with_orientation(6)))
    assert picture.alpha is not None
    assert np.array_equal(picture.alpha, ramp())
    assert picture.alpha.flags.c_contiguous
    assert picture.pixels.flags.c_contiguous


@pytest.mark.parametrize("source", ["bytes", "path"])
def test_size_is_checked_before_pixels_are_read(source: str, tmp_path: Path) -> None:
    data = encoded(Image.new("1", (3000, 2000)))
    given_source: bytes | Path = data
    if source == "path":
        given_source = tmp_path / "large.png"
        given_source.write_bytes(data)
    with pytest.raises(PictureError, match=r"3000 x 2000 .* raise `max_pixels`"):
        read_picture(given_source, max_pixels=5_999_999, strict=False)
    with pytest.raises(PictureError, match="`max_pixels`"):
        read_picture(given_source, max_pixels=1000, strict=False)
    assert read_picture(given_source, max_pixels=6_000_000, strict=False).width == 3000


def test_our_limit_replaces_pillows(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 100)
    data = encoded(Image.fromarray(gradient()))
    assert read_picture(data, max_pixels=24 * 33, strict=False).height == 24
    assert Image.MAX_IMAGE_PIXELS == 100


@pytest.mark.parametrize("image_format", ["PNG", "JPEG", "WEBP", "GIF", "TIFF", "BMP"])
def test_cut_files_are_refused(image_format: str) -> None:
    noise = np.random.default_rng(0).integers(0, 256, (64, 64, 3)).astype(np.uint8)
    data = encoded(Image.fromarray(noise), image_format)
    for part in (0.0, 0.01, 0.2, 0.5, 0.9):
        with pytest.raises(PictureError, match="damaged or no picture"):
            read(data[: int(part * len(data))])


@given(st.data())
def test_damaged_files_are_read_or_refused(data: st.DataObject) -> None:
    image_format = data.draw(st.sampled_from(["PNG", "JPEG", "WEBP", "GIF", "TIFF", "BMP"]))
    damaged = bytearray(encoded(Image.fromarray(gradient()), image_format))
    for _ in range(data.draw(st.integers(1, 4))):
        damaged[data.draw(st.integers(0, len(damaged) - 1))] ^= data.draw(st.integers(1, 255))
    try:
        picture = read_picture(bytes(damaged), max_pixels=10_000, strict=False)
    except PictureError:
        return
    assert picture.width * picture.height <= 10_000


@pytest.mark.parametrize("data", [b"", b"text", b"<html></html>", b"PK\3\4" + bytes(60)])
def test_alien_files_are_refused(data: bytes) -> None:
    with pytest.raises(PictureError, match="no picture that Pillow reads"):
        read(data)


def test_programs_are_not_run() -> None:
    with pytest.raises(PictureError, match="PostScript"):
        read(encoded(Image.fromarray(gradient()), "EPS"))


def test_paths_that_are_no_files(tmp_path: Path) -> None:
    with pytest.raises(PictureError, match=r"there is no file .*none\.png"):
        read(tmp_path / "none.png")
    with pytest.raises(PictureError):
        read(tmp_path)


def test_warnings_stay_off_the_screen() -> None:
    # A PNG whose EXIF is garbage makes Pillow warn, and is read all the same.
    data = encoded(Image.fromarray(gradient()), exif=b"garbage")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        picture = read(data)
    assert picture.metadata.exif is None


def test_lazy_images_that_break_when_loaded() -> None:
    data = encoded(Image.fromarray(gradient(200, 200)), "JPEG")
    with (
        Image.open(io.BytesIO(data[: len(data) // 2])) as image,
        pytest.raises(PictureError, match="cannot be loaded"),
    ):
        picture_from_image(image)


@pytest.mark.parametrize(
    ("pixels", "alpha"),
    [
        (np.zeros((2, 2, 4), np.uint8), None),
        (np.zeros((2, 2), np.float32), None),
        (np.zeros((2,), np.uint8), None),
        (np.zeros((0, 2), np.uint8), None),
        (np.zeros((2, 2), np.uint8), np.zeros((2, 3), np.uint8)),
        (np.zeros((2, 2), np.uint8), np.zeros((2, 2), np.int32)),
    ],
)
def test_pictures_have_a_shape(pixels: Any, alpha: Any) -> None:
    with pytest.raises(PictureError):
        Picture(pixels, alpha)
