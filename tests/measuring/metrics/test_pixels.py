import math

import numpy as np
import pytest

from tests.measuring.made_pictures import hills
from vqzip import metrics
from vqzip.measuring.metrics.metric import Pair, as_rgb, seen_pair
from vqzip.measuring.metrics.pixels import MS_SSIM, PSNR, ms_ssim_db


def test_scores_are_those_of_the_plain_functions() -> None:
    pair = Pair(hills(), hills(seed=1))
    assert PSNR.score(pair) == metrics.psnr_db(metrics.mse(pair.original, pair.decoded))
    assert MS_SSIM.score(pair) == metrics.ms_ssim(pair.original, pair.decoded)


@pytest.mark.parametrize("gray", [False, True])
def test_pixels_that_nobody_sees_do_not_count(gray: bool) -> None:
    first, second = hills(), hills(seed=1)
    if gray:
        first, second = first[..., 0], second[..., 0]
    visible = np.zeros(first.shape[:2], bool)
    visible[:40, :50] = True
    expected = metrics.mse(first[:40, :50], second[:40, :50])
    pair = seen_pair(first, second, "cpu", visible)
    assert pair.mse == pytest.approx(expected)
    assert PSNR.score(pair) == pytest.approx(metrics.psnr_db(expected))
    assert (MS_SSIM.score(pair) or 0) > (metrics.ms_ssim(first, second) or 0)
    assert seen_pair(first, second, "cpu", None).decoded is second


def test_ms_ssim_in_decibels() -> None:
    assert ms_ssim_db(0.99) == pytest.approx(20)
    assert ms_ssim_db(1.0) == math.inf


def test_gray_becomes_three_equal_channels() -> None:
    gray = hills()[..., 0]
    assert (as_rgb(gray) == gray[..., None]).all()
    assert as_rgb(hills()).shape == hills().shape


def test_headings_have_units() -> None:
    assert (PSNR.heading, MS_SSIM.heading) == ("PSNR dB", "MS-SSIM")
