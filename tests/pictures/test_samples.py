"""Samples: stored inverted, keyed transparent, of any depth; never a wrong picture without a word."""

from __future__ import annotations

import io
import struct

import numpy as np
import pytest
from PIL import Image

from tests.pictures.made_files import png_of, tiff_of
from tests.pictures.made_pictures import NO_LIMIT, gradient
from vqzip.pictures.picture import Picture
from vqzip.pictures.read import picture_from_image, read_file


def read(data: bytes) -> Picture:
    return read_file(data, max_pixels=NO_LIMIT).picture


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("bits", [1, 2, 4, 8, 16])
def test_gray_of_tiff_is_the_same_stored_either_way(bits: int, order: str) -> None:
    largest = (1 << bits) - 1
    samples = (np.arange(6 * 8).reshape(6, 8) * 7919 % (largest + 1)).astype(
        np.uint16 if bits == 16 else np.uint8
    )
    inverse = (largest - samples.astype(np.int64)).astype(samples.dtype)
    right = (samples.astype(np.int64) * 510 + largest) // (2 * largest)
    plain = tiff_of(samples, bits=bits, order=order, photometric=1)
    inverted = tiff_of(inverse, bits=bits, order=order, photometric=0)
    if bits == 16 and order == ">":
        # Pillow has no decoder for inverted samples in this order.
        inverted = tiff_of(inverse, bits=bits, order="<", photometric=0)
    for data in (plain, inverted):
        assert np.array_equal(read(data).pixels, right)


def test_floats_of_tiff_stored_inverted() -> None:
    samples = np.linspace(0, 1, 48, dtype=np.float32).reshape(6, 8)
    data = tiff_of(1 - samples, photometric=0, kind=3)
    assert np.abs(read(data).pixels - np.rint(samples * 255)).max() <= 1


def test_an_image_that_a_caller_opened_is_not_a_negative() -> None:
    samples = np.array([[0, 1000, 65535]], np.uint16)
    with Image.open(io.BytesIO(tiff_of(samples, photometric=0))) as image:
        assert picture_from_image(image).pixels.tolist() == [[255, 251, 0]]


@pytest.mark.parametrize("bits", [1, 2, 4, 8, 16])
def test_the_transparent_gray_of_a_png_is_in_its_own_depth(bits: int) -> None:
    samples = np.arange(64).reshape(8, 8) * 2749 % (1 << bits)
    key = int(samples[3, 5])
    picture = read(png_of(samples, bits, 0, (b"tRNS", struct.pack(">H", key))))
    assert picture.is_gray
    assert picture.alpha is not None
    assert np.array_equal(picture.alpha == 0, samples == key)


@pytest.mark.parametrize("bits", [1, 2, 4])
def test_a_caller_may_open_a_png_with_a_transparent_gray(bits: int) -> None:
    samples = np.arange(64).reshape(8, 8) % (1 << bits)
    data = png_of(samples, bits, 0, (b"tRNS", struct.pack(">H", (1 << bits) - 1)))
    with Image.open(io.BytesIO(data)) as image:
        alpha = picture_from_image(image).alpha
    assert alpha is not None
    assert np.array_equal(alpha == 0, samples == (1 << bits) - 1)


def test_bits_above_the_depth_do_not_count_in_a_key() -> None:
    samples = np.arange(16).reshape(4, 4)
    picture = read(png_of(samples, 4, 0, (b"tRNS", struct.pack(">H", 0xF0F3))))
    assert picture.alpha is not None
    assert np.array_equal(picture.alpha == 0, samples == 3)


def test_colors_of_sixteen_bits_are_compared_before_they_are_reduced() -> None:
    samples = np.random.default_rng(1).integers(0, 65536, (9, 7, 3))
    samples[2, 3], samples[4, 4] = (1000, 2000, 3000), (1001, 2001, 3001)
    picture = read(png_of(samples, 16, 2, (b"tRNS", struct.pack(">3H", 1000, 2000, 3000))))
    assert picture.alpha is not None
    assert np.argwhere(picture.alpha == 0).tolist() == [[2, 3]]
    assert np.array_equal(picture.pixels, samples >> 8)


def test_a_transparent_color_of_eight_bits() -> None:
    pixels = gradient()
    key = tuple(int(sample) for sample in pixels[5, 7])
    picture = read(png_of(pixels, 8, 2, (b"tRNS", struct.pack(">3H", *key))))
    assert picture.alpha is not None
    assert np.array_equal(picture.alpha == 0, (pixels == key).all(2))


def test_a_key_of_the_wrong_length_is_no_key() -> None:
    assert read(png_of(gradient(), 8, 2, (b"tRNS", b"\0\1"))).alpha is None


def test_gray_with_alpha_of_sixteen_bits_stays_gray() -> None:
    samples = np.stack([np.full((5, 6), 0x8040), np.full((5, 6), 0x4020)], axis=2)
    picture = read(png_of(samples, 16, 4))
    assert picture.is_gray
    assert picture.alpha is not None
    assert (picture.pixels == 0x80).all()
    assert (picture.alpha == 0x40).all()


def gif_with_a_small_frame() -> bytes:
    """A GIF of 8 x 6 whose only frame draws 4 x 3 pixels from column 2, row 1 on."""
    file = io.BytesIO()
    Image.new("P", (4, 3), 1).save(file, "GIF")
    data = bytearray(file.getvalue())
    data[6:10] = struct.pack("<HH", 8, 6)
    at = data.index(b"\x2c", 13 + (3 << (data[10] & 7) + 1))
    data[at + 1 : at + 5] = struct.pack("<HH", 2, 1)
    return bytes(data)


def test_what_a_frame_does_not_draw_is_transparent() -> None:
    right = np.zeros((6, 8), np.uint8)
    right[1:4, 2:6] = 255
    data = gif_with_a_small_frame()
    with Image.open(io.BytesIO(data)) as image:
        opened = picture_from_image(image)
    for picture in (read(data), opened):
        assert picture.alpha is not None
        assert np.array_equal(picture.alpha, right)
