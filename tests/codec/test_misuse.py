"""What callers hand to the API by mistake gets a sentence; what they ask for is what they get."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from tools.golden.models import TINY, smooth_pixels
from vqzip.codec.codec import Codec, load
from vqzip.errors import ModelError, PictureError, UsageError, VqzipError

IMAGE = Image.fromarray(smooth_pixels(37, 50, 31))


@pytest.fixture(scope="module")
def codec() -> Codec:
    return load(TINY)


@pytest.mark.parametrize("image", ["photo.png", Path("photo.png"), np.zeros((4, 4, 3)), b"", None])
def test_what_is_no_image_gets_a_sentence(codec: Codec, image: Any) -> None:
    with pytest.raises(PictureError, match=r"a PIL image is needed, got .*PIL\.Image\.open"):
        codec.encode(image)
    with pytest.raises(PictureError, match="a PIL image is needed"):
        codec.to_codes(image)


@pytest.mark.parametrize("quality", [4.06, 1.01, 7.9999, "4", None, True, [4]])
def test_qualities_that_do_not_exist_get_a_sentence(codec: Codec, quality: Any) -> None:
    with pytest.raises(UsageError, match="quality"):
        codec.encode(IMAGE, quality=quality)


@pytest.mark.parametrize("quality", [0, 0.875, 8.125, float("nan"), float("inf")])
def test_qualities_out_of_range_get_a_sentence(codec: Codec, quality: float) -> None:
    with pytest.raises(ModelError, match="quality"):
        codec.encode(IMAGE, quality=quality)


@pytest.mark.parametrize("quality", [4, 4.125, np.float32(4.25), np.int64(4)])
def test_numbers_of_any_type_are_qualities(codec: Codec, quality: Any) -> None:
    assert codec.encode(IMAGE, quality=quality)


@pytest.mark.parametrize("data", ["in.vqz", Path("in.vqz"), None, IMAGE])
def test_what_is_no_file_gets_a_sentence(codec: Codec, data: Any) -> None:
    with pytest.raises(VqzipError, match="takes the bytes"):
        codec.decode(data)


def test_bytes_of_any_kind_are_decoded(codec: Codec) -> None:
    data = codec.encode(IMAGE)
    for given in (bytearray(data), memoryview(data)):
        assert codec.decode(given).size == IMAGE.size  # type: ignore[arg-type]


@pytest.mark.parametrize("effort", [0, 1])
def test_codes_are_drawn_with_the_quality_that_they_were_chosen_for(
    codec: Codec, effort: int
) -> None:
    """Effort 9 may prefer the next eighth: the codes say so."""
    codes = codec.to_codes(IMAGE, quality=6, effort=effort)
    decoded = codec.decode(codec.encode(IMAGE, quality=6, effort=effort))
    assert np.array_equal(np.asarray(codec.from_codes(codes)), np.asarray(decoded))
