"""Pictures that the prior makes up."""

from __future__ import annotations

import numpy as np
import pytest

from tools.golden.models import TINY, TINY_VQ
from vqzip.codec.codec import Codec, load
from vqzip.codec.sampling import sample
from vqzip.errors import CodingError, ModelError, PictureError


@pytest.fixture(scope="module", params=[TINY, TINY_VQ], ids=lambda folder: folder.name)
def codec(request: pytest.FixtureRequest) -> Codec:
    return load(request.param)


@pytest.mark.parametrize("size", [1, 33, 64])
def test_pictures_of_the_size_asked_for(codec: Codec, size: int) -> None:
    pictures = sample(codec, 2, size, 0, 1.0, 4.0)
    assert [picture.pixels.shape for picture in pictures] == [(size, size, 3)] * 2


def test_the_seed_decides_and_later_pictures_do_not(codec: Codec) -> None:
    one = sample(codec, 1, 48, 7, 1.0, 4.0)
    three = sample(codec, 3, 48, 7, 1.0, 4.0)
    other = sample(codec, 1, 48, 8, 1.0, 4.0)
    assert np.array_equal(one[0].pixels, three[0].pixels)
    assert not np.array_equal(three[0].pixels, three[1].pixels)
    assert not np.array_equal(one[0].pixels, other[0].pixels)


def test_samples_are_likely_under_the_prior() -> None:
    """Codes drawn at a low temperature cost fewer bits than those drawn from the prior itself."""
    codec = load(TINY)
    sizes = []
    for temperature in (0.2, 1.0):
        picture = sample(codec, 1, 128, 0, temperature, 4.0)[0]
        sizes.append(len(codec.encode_picture(picture, quality=4, effort=0).data))
    assert sizes[0] < sizes[1]


@pytest.mark.slow
def test_several_stream_tiles() -> None:
    assert sample(load(TINY_VQ), 1, 1030, 0, 1.0, 4.0)[0].pixels.shape == (1030, 1030, 3)


def test_what_is_refused() -> None:
    codec = load(TINY)
    with pytest.raises(CodingError):
        sample(codec, 1, 8, 0, 0.0, 4.0)
    with pytest.raises(ModelError):
        sample(codec, 1, 8, 0, 1.0, 9.0)
    with pytest.raises(PictureError):
        sample(codec, 1, 0, 0, 1.0, 4.0)
