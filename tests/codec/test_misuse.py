"""What callers hand to the API by mistake gets a sentence; what they ask for is what they get."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from tools.golden.models import TINY, smooth_pixels
from vqzip.codec.codec import Codec, load
from vqzip.codec.effort import Setting
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


def test_codes_have_the_quality_that_was_asked_for(
    codec: Codec, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Effort 9 of `encode` may prefer the next eighth: `from_codes` would draw with another step."""
    step = codec.quality_step(6)
    better = [Setting(step, 0.1), Setting(step + 8, 0.0)]
    monkeypatch.setattr("vqzip.codec.codec.settings", lambda *_: better)
    codes = codec.to_codes(IMAGE, quality=6, effort=9)
    monkeypatch.setattr("vqzip.codec.codec.settings", lambda *_: better[:1])
    assert codes.equals(codec.to_codes(IMAGE, quality=6))
    drawn = np.asarray(codec.from_codes(codes, *IMAGE.size, 6)).astype(int)
    decoded = np.asarray(codec.decode(codec.encode(IMAGE, quality=6)))
    assert np.array_equal(drawn, decoded)
