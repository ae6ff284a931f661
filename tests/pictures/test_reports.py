"""Pictures out of public bug reports of other tools, each with its right outcome here."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from vqzip.errors import PictureError
from vqzip.pictures.metadata import icc_space
from vqzip.pictures.picture import Picture
from vqzip.pictures.read import PictureRead, read_file
from vqzip.pictures.write import picture_to_bytes

REPORTS = Path(__file__).parent.parent / "data" / "reports"
NO_LIMIT = 1 << 40


def read(name: str) -> PictureRead:
    return read_file(REPORTS / name, max_pixels=NO_LIMIT)


def test_a_gain_map_is_a_loss_and_leaves_the_xmp() -> None:
    found = read("ultrahdr.jpg")
    assert found.losses == ("a gain map",)
    with pytest.raises(PictureError, match="has a gain map, which"):
        found.refuse_losses()
    xmp = found.picture.metadata.xmp
    assert xmp is not None
    assert b"rdf:Description" in xmp
    for gone in (b"hdrgm", b"Container", b"GainMap", b"Item"):
        assert gone not in xmp


def test_display_p3_by_cicp_gets_a_profile() -> None:
    found = read("cicp-p3.png")
    assert found.warning is None
    assert found.picture.metadata.icc is not None
    assert icc_space(found.picture.metadata.icc) == "RGB"
    assert not np.array_equal(found.stripped().picture.pixels, found.picture.pixels)


def test_the_text_of_an_image_generator_is_a_loss() -> None:
    found = read("params.png")
    assert found.text_losses == ("text comments",)
    with pytest.raises(PictureError, match="text comments"):
        found.refuse_losses()


def test_metadata_as_imagemagick_writes_it_are_read() -> None:
    found = read("all.png")
    assert found.warning is None
    metadata = found.picture.metadata
    assert metadata.icc is not None
    assert metadata.exif is not None
    assert metadata.xmp is not None
    # It is stored lying on its side, 96 x 64.
    assert (found.picture.width, found.picture.height) == (64, 96)


def test_a_profile_of_more_than_a_megabyte_is_read() -> None:
    found = read("icc-1.2MB.png")
    assert found.warning is None
    assert len(found.picture.metadata.icc or b"") > 1 << 20
    again = read_file(picture_to_bytes(found.picture, "PNG"), max_pixels=NO_LIMIT)
    assert again.picture.metadata == found.picture.metadata
    assert found.stripped().picture.metadata.icc is None


@pytest.mark.parametrize("name", ["icc-xmp.jp2", "all.bmp"])
def test_profiles_of_jpeg_2000_and_bmp_are_kept(name: str) -> None:
    found = read(name)
    assert found.warning is None
    assert icc_space(found.picture.metadata.icc or b"") == "RGB"


def test_exif_and_xmp_of_jpeg_2000_are_kept() -> None:
    metadata = read("icc-xmp.jp2").picture.metadata
    assert (metadata.exif or b"")[:4] in (b"II*\0", b"MM\0*")
    assert b"xmpmeta" in (metadata.xmp or b"")


def test_tags_of_a_tiff_are_kept_there_and_back() -> None:
    found = read("tags.tif")
    assert found.warning is None
    exif = found.picture.metadata.exif or b""
    # A rating, keywords, a place, the name of a page.
    for part in ("holiday;sea".encode("utf-16-le"), b"page\0", b"host\0", b"desc\0"):
        assert part in exif
    written = picture_to_bytes(found.picture, "TIFF")
    again = read_file(written, max_pixels=NO_LIMIT)
    assert again.warning is None
    assert again.picture.metadata.exif == exif


def test_adobe_rgb_that_exif_alone_names_gets_a_profile() -> None:
    found = read("adobergb-exif.jpg")
    assert found.warning is None
    assert found.picture.metadata.icc is not None
    stripped = found.stripped().picture
    assert stripped.metadata.icc is None
    assert np.abs(stripped.pixels.astype(int) - found.picture.pixels).max() > 5


def test_white_is_zero_is_no_negative() -> None:
    assert read("gray16-photometric0.tif").picture.pixels.tolist() == [[255, 251, 0]]


def test_a_transparent_gray_of_four_bits() -> None:
    picture = read("gray4-trns15.png").picture
    assert picture.alpha is not None
    assert np.array_equal(picture.alpha == 0, picture.pixels == 255)


def test_black_under_alpha_is_not_seen() -> None:
    from vqzip.pictures.hidden import with_hidden_filled

    picture = read("hidden_black.png").picture
    assert picture.alpha is not None
    filled = with_hidden_filled(picture)
    hidden = picture.alpha == 0
    assert (picture.pixels[hidden] == 0).all()
    assert filled.pixels[hidden].mean() > 20
    assert np.array_equal(filled.pixels[~hidden], picture.pixels[~hidden])
    assert isinstance(filled, Picture)
