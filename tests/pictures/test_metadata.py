"""ICC, EXIF and XMP go through files unchanged, but for the orientation."""

import dataclasses

import numpy as np
import pytest
from PIL import Image

from tests.pictures.made_pictures import (
    NO_LIMIT,
    encoded,
    exif_with_orientation,
    gradient,
    icc_profile,
    ramp,
)
from vqzip.container.fields import MAX_METADATA_BYTES
from vqzip.errors import PictureError
from vqzip.pictures.limits import MAX_ITEM_BYTES
from vqzip.pictures.metadata import check_sizes
from vqzip.pictures.picture import NO_METADATA, Metadata, Picture
from vqzip.pictures.read import picture_from_image, read_picture
from vqzip.pictures.write import image_from_picture, picture_to_bytes

XMP = b'<x:xmpmeta xmlns:x="adobe:ns:meta/"><a tiff:Orientation="1">\xc3\xa9</a></x:xmpmeta>'
ALL = Metadata(icc_profile(), exif_with_orientation(1), XMP)


def read(data: bytes) -> Picture:
    return read_picture(data, max_pixels=NO_LIMIT, strict=False)


@pytest.mark.parametrize("image_format", ["PNG", "JPEG", "WEBP", "TIFF"])
@pytest.mark.parametrize("fields", [("icc", "exif", "xmp"), ("icc",), ("exif",), ("xmp",), ()])
def test_metadata_come_back(image_format: str, fields: tuple[str, ...]) -> None:
    metadata = Metadata(**{field: getattr(ALL, field) for field in fields})
    found = read(picture_to_bytes(Picture(gradient(), None, metadata), image_format)).metadata
    if image_format == "TIFF":
        # There EXIF is spread over the file's own tags; the make is what comes back.
        assert (found.exif is not None) == (metadata.exif is not None)
        assert b"Maker\0" in (found.exif or b"Maker\0")
        found = dataclasses.replace(found, exif=metadata.exif)
    assert found == metadata


def test_an_image_carries_its_metadata() -> None:
    picture = Picture(gradient(), ramp(), ALL)
    again = picture_from_image(image_from_picture(picture))
    assert again.metadata == ALL
    assert np.array_equal(again.pixels, picture.pixels)
    assert again.alpha is not None
    assert np.array_equal(again.alpha, ramp())


@pytest.mark.parametrize(
    ("pixels", "space", "kept"),
    [
        (gradient(), b"RGB ", True),
        (gradient(), b"GRAY", False),
        (ramp(), b"GRAY", True),
        (ramp(), b"RGB ", False),
        (gradient(), b"CMYK", False),
    ],
)
def test_profiles_must_fit_the_pixels(pixels: np.ndarray, space: bytes, kept: bool) -> None:
    profile = icc_profile(space)
    data = encoded(Image.fromarray(pixels), icc_profile=profile)
    assert read(data).metadata.icc == (profile if kept else None)
    written = picture_to_bytes(Picture(pixels, None, Metadata(icc=profile)), "PNG")
    assert (profile in written or b"iCCP" in written) == kept


@pytest.mark.parametrize("profile", [b"garbage", bytes(200), icc_profile()[:100]])
def test_garbage_is_no_profile(profile: bytes) -> None:
    data = encoded(Image.fromarray(gradient()), icc_profile=profile)
    assert read(data).metadata == NO_METADATA


def test_orientation_in_xmp_is_followed_and_reset() -> None:
    turned = Image.fromarray(gradient()).transpose(Image.Transpose.ROTATE_90)
    stored = XMP.replace(b'Orientation="1"', b'Orientation="6"')
    picture = read(encoded(turned, "WEBP", xmp=stored, lossless=True))
    assert np.array_equal(picture.pixels, gradient())
    assert picture.metadata.xmp == XMP


def test_exif_decides_before_xmp() -> None:
    stored = XMP.replace(b'Orientation="1"', b'Orientation="6"')
    data = encoded(
        Image.fromarray(gradient()),
        "WEBP",
        exif=exif_with_orientation(1),
        xmp=stored,
        lossless=True,
    )
    picture = read(data)
    assert np.array_equal(picture.pixels, gradient())
    assert picture.metadata.xmp == XMP


@pytest.mark.parametrize("orientation", [0, 9, 65535])
def test_orientations_that_do_not_exist_mean_upright(orientation: int) -> None:
    data = encoded(Image.fromarray(gradient()), exif=exif_with_orientation(orientation))
    picture = read(data)
    assert np.array_equal(picture.pixels, gradient())
    assert picture.metadata.exif == exif_with_orientation(1)


def test_every_cut_of_exif_is_survived() -> None:
    whole = exif_with_orientation(6)
    for length in range(1, len(whole)):
        data = encoded(Image.fromarray(gradient()), exif=whole[:length])
        picture = read(data)
        assert {picture.width, picture.height} == {24, 33}
        for image_format in ("PNG", "TIFF"):
            read(picture_to_bytes(picture, image_format))


def test_items_have_a_limit() -> None:
    assert MAX_ITEM_BYTES == MAX_METADATA_BYTES
    check_sizes(ALL)
    check_sizes(Metadata(xmp=bytes(MAX_ITEM_BYTES)))
    with pytest.raises(PictureError, match=r"EXIF data has 16777217 bytes.*`strip`"):
        check_sizes(Metadata(exif=bytes(MAX_ITEM_BYTES + 1)))
