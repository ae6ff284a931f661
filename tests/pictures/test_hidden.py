"""Colors under transparent pixels cost nothing, harm nothing, and do not leave the house."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from tools.golden.models import TINY
from vqzip.codec.codec import Codec, load
from vqzip.codec.effort import cost
from vqzip.codec.target import Target, encode_to_target, psnr_db
from vqzip.measuring.metrics.metric import seen_pair
from vqzip.pictures.hidden import visible_pixels, with_hidden_filled
from vqzip.pictures.picture import Bytes2D, Picture

SIDE = 96


@pytest.fixture(scope="module")
def codec() -> Codec:
    return load(TINY)


def disc() -> Bytes2D:
    """Alpha of a disc, with a soft rim."""
    rows, columns = np.mgrid[:SIDE, :SIDE] - SIDE / 2
    cover = ((30 - np.hypot(rows, columns)) / 2 + 0.5).clip(0, 1)
    return np.asarray(np.rint(255 * cover), np.uint8)


def colors() -> Bytes2D:
    rows, columns = np.mgrid[:SIDE, :SIDE]
    return np.stack([rows * 2, columns * 2, 200 - rows], axis=2).astype(np.uint8)


def with_hidden(hidden: NDArray[np.int64] | int) -> Picture:
    alpha = disc()
    return Picture(np.where(alpha[..., None] > 0, colors(), hidden).astype(np.uint8), alpha)


NOISE = np.random.default_rng(2).integers(0, 256, (SIDE, SIDE, 3))


def rim(picture: Picture) -> NDArray[np.bool_]:
    """The visible pixels within four of a hidden one."""
    assert picture.alpha is not None
    hidden = picture.alpha == 0
    near = hidden
    for _ in range(4):
        padded = np.pad(near, 1)
        near = near | padded[2:, 1:-1] | padded[:-2, 1:-1] | padded[1:-1, 2:] | padded[1:-1, :-2]
    return np.asarray(near & ~hidden)


def test_opaque_pictures_are_not_touched() -> None:
    for alpha in (None, np.full((SIDE, SIDE), 1, np.uint8)):
        picture = Picture(colors(), alpha)
        assert with_hidden_filled(picture) is picture
        assert visible_pixels(picture) is None


@pytest.mark.parametrize("gray", [False, True])
@pytest.mark.parametrize("size", [(1, 1), (1, 9), (7, 1), (2, 2), (17, 33), (64, 64)])
def test_visible_pixels_stay_and_hidden_ones_follow_from_them(
    size: tuple[int, int], gray: bool
) -> None:
    rng = np.random.default_rng(3)
    shape = size if gray else (*size, 3)
    alpha = rng.choice([0, 1, 255], size).astype(np.uint8)
    alpha[0, 0] = 255
    visible = alpha > 0
    first, second = (rng.integers(0, 256, shape).astype(np.uint8) for _ in range(2))
    second[visible] = first[visible]
    filled = [with_hidden_filled(Picture(pixels, alpha)).pixels for pixels in (first, second)]
    assert np.array_equal(filled[0], filled[1])
    assert np.array_equal(filled[0][visible], first[visible])
    assert filled[0].min() >= first[visible].min()
    assert filled[0].max() <= first[visible].max()


def test_what_is_wholly_hidden_is_gray() -> None:
    filled = with_hidden_filled(Picture(colors(), np.zeros((SIDE, SIDE), np.uint8)))
    assert (filled.pixels == 128).all()


def test_the_fill_is_smooth() -> None:
    filled = with_hidden_filled(with_hidden(NOISE)).pixels.astype(int)
    assert np.abs(np.diff(filled, axis=0)).max() <= 12
    assert np.abs(np.diff(filled, axis=1)).max() <= 12


def test_noise_and_black_cost_what_a_smooth_fill_costs(codec: Codec) -> None:
    smooth = with_hidden_filled(with_hidden(0))
    best = codec.encode_picture(smooth, quality=6, keep_hidden_colors=True)
    for hidden in (0, 255, NOISE):
        encoded = codec.encode_picture(with_hidden(hidden), quality=6)
        assert len(encoded.data) <= 1.02 * len(best.data)
        drawn = codec.decode_picture(encoded.data)
        error = (drawn.pixels.astype(int) - colors())[rim(with_hidden(0))]
        wanted = (codec.decode_picture(best.data).pixels.astype(int) - colors())[rim(smooth)]
        assert np.sqrt(np.square(error).mean()) == np.sqrt(np.square(wanted).mean())


def test_colors_that_shall_stay_are_coded(codec: Codec) -> None:
    kept = codec.encode_picture(with_hidden(NOISE), quality=8, keep_hidden_colors=True)
    filled = codec.encode_picture(with_hidden(NOISE), quality=8)
    assert len(kept.data) > 1.5 * len(filled.data)
    hidden = disc() == 0
    errors = [
        np.abs(codec.decode_picture(encoded.data).pixels.astype(int) - NOISE)[hidden].mean()
        for encoded in (kept, filled)
    ]
    assert errors[0] < errors[1] / 2


def test_quality_is_measured_over_visible_pixels() -> None:
    original, decoded = colors(), colors() + np.uint8(1)
    visible = disc() > 0
    decoded[~visible] = 99
    assert psnr_db(original, decoded, visible) == pytest.approx(48.1308, abs=1e-3)
    assert seen_pair(original, decoded, "cpu", visible).mse == pytest.approx(1 / 255**2)
    assert cost(original, decoded, 0, 1.0, visible) == 3 * visible.sum()
    decoded[~visible] = 11
    assert cost(original, decoded, 0, 1.0, visible) == 3 * visible.sum()


def test_targets_do_not_depend_on_what_is_hidden(codec: Codec) -> None:
    for target in (Target(psnr_db=30.0), Target(max_bytes=2500)):
        files = [
            encode_to_target(codec, with_hidden(hidden), target, effort=1).data
            for hidden in (0, NOISE)
        ]
        assert files[0] == files[1]
    drawn = codec.decode_picture(files[0])
    assert drawn.alpha is not None
    assert np.array_equal(drawn.alpha, disc())


@pytest.mark.parametrize("effort", [0, 1, 2])
def test_efforts_do_not_depend_on_what_is_hidden(codec: Codec, effort: int) -> None:
    first, second = (
        codec.encode_picture(with_hidden(hidden), effort=effort).data for hidden in (0, NOISE)
    )
    assert first == second
