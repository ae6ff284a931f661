"""A model as a codec that is measured."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.measuring.made_pictures import hills
from vqzip.codec.codec import Codec, load
from vqzip.codec.encoder import Encoded
from vqzip.measuring.subject import WHOLE_QUALITIES, ModelSubject
from vqzip.pictures.picture import Picture
from vqzip.quality import Quality

PICTURE = Picture(hills(48, 64))


@pytest.fixture(scope="module")
def codec(tiny_model: Path) -> Codec:
    return load(tiny_model)


def test_files_are_those_of_the_codec(codec: Codec) -> None:
    subject = ModelSubject(codec, qualities=(2.0, 5.0), effort=0)
    assert (subject.name, subject.title) == (codec.model.name, codec.model.name)
    assert subject.settings == (2.0, 5.0)
    coded = subject.encode(PICTURE, 5.0)
    encoded = codec.encode_picture(PICTURE, quality=5.0, effort=0)
    assert coded.data == encoded.data
    assert coded.setting == 5.0
    assert coded.code_lengths is not None
    assert coded.code_lengths.codes.equals(encoded.codes)
    assert coded.code_lengths.bits == encoded.code_length_bits
    assert np.array_equal(
        subject.decode(coded.data).pixels, codec.decode_picture(coded.data).pixels
    )
    assert subject.decode_codes(coded.data).equals(encoded.codes)
    name = f"{codec.model.name} {codec.model.id[:8].hex()}"
    assert subject.describe() == f"model {name}, effort 0"


def test_qualities_are_the_whole_ones_unless_named(codec: Codec) -> None:
    assert ModelSubject(codec).settings == WHOLE_QUALITIES


def test_a_model_of_one_quality_is_measured_once(tiny_model: Path) -> None:
    subject = ModelSubject(load(tiny_model.parent / "tiny-vq"), qualities=(1.0, 2.0))
    (setting,) = subject.settings
    assert subject.encode(PICTURE, setting).setting == 1.0


class SearchingCodec(Codec):
    """Says that it coded at an eighth more than it was asked for, as effort 9 may."""

    def encode_picture(self, picture: Picture, **options: Any) -> Encoded:
        encoded = super().encode_picture(picture, **options)
        quality = Quality(encoded.codes.quality.eighths + 1)
        return replace(encoded, codes=replace(encoded.codes, quality=quality))


def test_files_count_as_the_quality_asked_for(codec: Codec) -> None:
    coded = ModelSubject(SearchingCodec(codec.model)).encode(PICTURE, 2.0)
    assert coded.setting == 2.0
    assert coded.code_lengths is not None
    assert coded.code_lengths.quality == 2.125


@pytest.mark.parametrize("trained_for", ["psnr", "ms-ssim"])
def test_a_model_is_ranked_by_what_it_was_trained_for(codec: Codec, trained_for: Any) -> None:
    model = replace(codec.model, config=replace(codec.model.config, metric=trained_for))
    assert ModelSubject(Codec(model)).own_metric == trained_for
