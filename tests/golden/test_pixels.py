"""Golden files without loss decode to the same samples forever, with every decoder."""

import json

import numpy as np
import pytest

from reference import pixels as reference_pixels
from tools.golden.make_pixels import EXPECTED, FOLDER, cases, digest
from vqzip.codec.lossless.codec import LosslessCodec
from vqzip.families.known import load_model

NAMES = sorted(path.stem for path in FOLDER.glob("*.vqz"))
DIGESTS = json.loads(EXPECTED.read_text(encoding="utf-8"))


def codec() -> LosslessCodec:
    model = load_model(FOLDER)
    assert isinstance(model, LosslessCodec)
    return model


def test_every_case_has_a_file() -> None:
    assert set(NAMES) == set(DIGESTS) >= set(cases())


@pytest.mark.parametrize("name", NAMES)
def test_files_decode_to_their_samples(name: str) -> None:
    picture = codec().decode_picture((FOLDER / f"{name}.vqz").read_bytes())
    assert digest(picture) == DIGESTS[name]


@pytest.mark.parametrize("name", sorted(cases()))
def test_files_are_written_as_they_were(name: str) -> None:
    picture, data = cases()[name], (FOLDER / f"{name}.vqz").read_bytes()
    encoded = codec().encode_picture(picture)
    assert encoded.data == data
    assert codec().holds(data, encoded)


@pytest.mark.parametrize("name", NAMES)
def test_the_reference_decoder_gives_the_same_samples(name: str) -> None:
    model = reference_pixels.read_model(FOLDER)
    planes = reference_pixels.decode((FOLDER / f"{name}.vqz").read_bytes(), model)
    data = np.array(planes, np.uint8)
    picture = codec().decode_picture((FOLDER / f"{name}.vqz").read_bytes())
    pixels = (
        picture.pixels[None] if picture.is_gray else picture.pixels.transpose(2, 0, 1)[[1, 0, 2]]
    )
    assert np.array_equal(data, pixels)
