"""Maps of code lengths add up to the code lengths that the encoder finds."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from tests.measuring.made_pictures import hills
from tools.golden.make import CASES
from vqzip.codec.codec import load
from vqzip.measuring.analysis.code_length_maps import code_length_maps
from vqzip.pictures.picture import Picture


@pytest.mark.parametrize("folder", list(CASES), ids=lambda folder: folder.name)
@pytest.mark.parametrize("gray", [False, True])
def test_maps_add_up_to_the_code_lengths_of_every_level(folder: Path, gray: bool) -> None:
    codec = load(folder)
    pixels = hills(300, 70)
    encoded = codec.encode_picture(Picture(pixels[:, :, 0].copy() if gray else pixels))
    hierarchy = codec.model.config.vqvae
    maps = code_length_maps(codec.model.prior, hierarchy, encoded.codes)
    assert [m.shape for m in maps] == hierarchy.shapes(300, 70)
    sums = [float(m.sum(dtype=np.float64)) for m in maps]
    assert sums == pytest.approx(encoded.code_length_bits, rel=1e-4)


def test_maps_of_stream_tiles_lie_where_the_tiles_do(tiny_model: Path) -> None:
    codec = load(tiny_model)
    pixels = np.full((9, 1060, 3), 90, np.uint8)
    pixels[:, 1030:] = hills(9, 30)  # all that costs bits lies in the second tile
    encoded = codec.encode_picture(Picture(pixels))
    finest = code_length_maps(codec.model.prior, codec.model.config.vqvae, encoded.codes)[-1]
    assert finest[:, 515:].mean() > 2 * finest[:, 100:500].mean()
