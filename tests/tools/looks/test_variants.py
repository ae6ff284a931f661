"""Models with other steps by level and color."""

from pathlib import Path

import numpy as np
import pytest

from tests.measuring.made_pictures import hills
from tools.looks.variants import EQUAL, GROUPS, Steps, vqvae_with_steps, with_steps
from vqzip.autoencoders.wavelet.transform import WaveletTransform
from vqzip.codec.codec import Codec, load
from vqzip.errors import ModelError
from vqzip.pictures.picture import Picture
from vqzip.quality import Quality

PICTURE = Picture(hills(64, 96))
FINEST_LUMA, FINEST_CHROMA = GROUPS.index("luma, stride 2"), GROUPS.index("chroma, stride 2")


@pytest.fixture(scope="module")
def codec(tiny_model: Path) -> Codec:
    return load(tiny_model)


def changed(group: int, factor: float) -> Steps:
    steps = list(EQUAL)
    steps[group] = factor
    return tuple(steps)


def test_equal_steps_change_nothing(codec: Codec) -> None:
    same = with_steps(codec, {4.0: EQUAL})
    for quality in (2.0, 6.0):
        file = codec.encode_picture(PICTURE, quality=quality)
        again = same.encode_picture(PICTURE, quality=quality)
        assert again.codes.equals(file.codes)
        decoded = same.decode_picture(file.data).pixels
        assert np.array_equal(decoded, codec.decode_picture(file.data).pixels)


@pytest.mark.parametrize("group", [FINEST_LUMA, FINEST_CHROMA])
def test_a_factor_changes_the_codes_of_its_subbands_alone(codec: Codec, group: int) -> None:
    before = codec.encode_picture(PICTURE, quality=8.0, effort=0).codes.levels
    coarse = with_steps(codec, {4.0: changed(group, 2.0)})
    after = coarse.encode_picture(PICTURE, quality=8.0, effort=0).codes.levels
    for level, other in zip(before[:-1], after[:-1], strict=True):
        assert np.array_equal(level, other)
    luma, chroma = slice(0, 3), slice(3, 9)
    own, rest = (luma, chroma) if group == FINEST_LUMA else (chroma, luma)
    assert np.array_equal(before[-1][rest], after[-1][rest])
    assert 0 < np.abs(after[-1][own]).sum() < np.abs(before[-1][own]).sum()


def gains_of_finest(codec: Codec, points: dict[float, Steps], quality: float) -> list[float]:
    vqvae = vqvae_with_steps(codec.model, points)
    transform = vqvae.transform
    assert isinstance(transform, WaveletTransform)
    assert transform.gains is not None
    step = vqvae.steps(1, Quality.of(quality))
    found: list[float] = transform.gains.levels[-1](None, step).gain.flatten().tolist()
    return found


def test_two_qualities_have_the_steps_that_were_fitted_there(codec: Codec) -> None:
    points = {2.0: changed(FINEST_LUMA, 3.0), 7.0: changed(FINEST_CHROMA, 0.5)}
    for quality, steps in points.items():
        expected = [steps[FINEST_LUMA]] * 3 + [steps[FINEST_CHROMA]] * 6
        assert gains_of_finest(codec, points, quality) == pytest.approx(expected, rel=1e-4)
    between = gains_of_finest(codec, points, 4.0)
    assert 1 < between[0] < 3
    assert 0.5 < between[-1] < 1


def test_a_straight_line_is_laid_through_more(codec: Codec) -> None:
    points = {2.0: changed(3, 2.0), 4.5: changed(3, 8.0), 7.0: changed(3, 2.0)}
    for quality in (1.0, 8.0):
        assert 2 < gains_of_finest(codec, points, quality)[0] < 8


def test_models_that_have_no_single_step_are_refused(codec: Codec, tiny_model: Path) -> None:
    for name in ("tiny-gains", "tiny-vq"):
        with pytest.raises(ModelError, match="no single step"):
            with_steps(load(tiny_model.parent / name), {4.0: EQUAL})
    with pytest.raises(ModelError, match="one or more qualities"):
        with_steps(codec, {})
