"""Pictures that the prior makes up."""

from __future__ import annotations

import numpy as np
import pytest

from tools.golden.models import TINY, TINY_VQ
from vqzip.codec.codec import Codec, load
from vqzip.codec.sampling import sample
from vqzip.errors import CodingError, ModelError, PictureError, UsageError
from vqzip.models.abilities import Draw


@pytest.fixture(scope="module", params=[TINY, TINY_VQ], ids=lambda folder: folder.name)
def codec(request: pytest.FixtureRequest) -> Codec:
    return load(request.param)


@pytest.mark.parametrize("size", [1, 33, 64])
def test_pictures_of_the_size_asked_for(codec: Codec, size: int) -> None:
    pictures = sample(codec, Draw(count=2, size=size, seed=0, temperature=1.0, quality=4.0))
    assert [picture.pixels.shape for picture in pictures] == [(size, size, 3)] * 2


def test_the_seed_decides_and_later_pictures_do_not(codec: Codec) -> None:
    one = sample(codec, Draw(count=1, size=48, seed=7, temperature=1.0, quality=4.0))
    three = sample(codec, Draw(count=3, size=48, seed=7, temperature=1.0, quality=4.0))
    other = sample(codec, Draw(count=1, size=48, seed=8, temperature=1.0, quality=4.0))
    assert np.array_equal(one[0].pixels, three[0].pixels)
    assert not np.array_equal(three[0].pixels, three[1].pixels)
    assert not np.array_equal(one[0].pixels, other[0].pixels)


def test_samples_are_likely_under_the_prior() -> None:
    """Codes drawn at a low temperature cost fewer bits than those drawn from the prior itself."""
    codec = load(TINY)
    sizes = []
    for temperature in (0.2, 1.0):
        picture = sample(
            codec, Draw(count=1, size=128, seed=0, temperature=temperature, quality=4.0)
        )[0]
        sizes.append(len(codec.encode_picture(picture, quality=4, effort=0).data))
    assert sizes[0] < sizes[1]


@pytest.mark.slow
def test_several_stream_tiles() -> None:
    assert sample(load(TINY_VQ), Draw(count=1, size=1030, seed=0, temperature=1.0, quality=4.0))[
        0
    ].pixels.shape == (1030, 1030, 3)


def test_what_is_refused() -> None:
    codec = load(TINY)
    with pytest.raises(CodingError):
        sample(codec, Draw(count=1, size=8, seed=0, temperature=0.0, quality=4.0))
    with pytest.raises(ModelError):
        sample(codec, Draw(count=1, size=8, seed=0, temperature=1.0, quality=9.0))
    with pytest.raises(PictureError):
        sample(codec, Draw(count=1, size=0, seed=0, temperature=1.0, quality=4.0))
    with pytest.raises(UsageError, match="has no `label`"):
        codec.sample(Draw(count=1, label=3))
