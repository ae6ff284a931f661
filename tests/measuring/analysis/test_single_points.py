import math

import pytest

from tests.measuring.made_measurements import made
from vqzip.measuring.analysis.single_points import (
    EqualQuality,
    at_equal_quality,
    single_points_table,
)
from vqzip.measuring.metrics.known import DEFAULT_METRICS
from vqzip.measuring.metrics.metric import Metric
from vqzip.measuring.metrics.pixels import MS_SSIM, PSNR

POINT = made("tokens", 2, settings=(1.0,))
CURVE = made("curve", 1)
TITLES = {"curve": "CURVE"}


@pytest.mark.parametrize("metric", [PSNR, MS_SSIM])
def test_a_codec_of_half_the_bits_needs_half(metric: Metric) -> None:
    found = at_equal_quality(POINT, CURVE, metric)
    assert found.percent == pytest.approx(-50)
    assert (found.model, found.reference, found.metric) == ("tokens", "curve", metric.name)
    assert (found.pictures, found.left_out) == (2, 0)


def test_rates_between_points_are_interpolated() -> None:
    # The curve's rate doubles with every setting, so half a setting is a factor of 2 ** 0.5.
    between = made("tokens", 1, settings=(0.5,))
    assert at_equal_quality(between, CURVE, PSNR).percent == pytest.approx(0)
    cheaper = made("tokens", 0.5, settings=(0.5,))
    assert at_equal_quality(cheaper, CURVE, PSNR).percent == pytest.approx(100)


def test_mean_is_that_of_the_pictures_percentages() -> None:
    uneven = made("curve", 1, pictures={"a": 4.0, "b": 3.0})
    assert at_equal_quality(POINT, uneven, PSNR).percent == pytest.approx((100 - 50) / 2)


def test_pictures_whose_quality_is_not_reached_are_left_out() -> None:
    found = at_equal_quality(made("tokens", 2, settings=(2.5,)), CURVE, PSNR)
    assert math.isnan(found.percent)
    assert (found.pictures, found.left_out) == (0, 2)
    small = at_equal_quality(made("tokens", 2, None, settings=(1.0,)), CURVE, MS_SSIM)
    assert (small.pictures, small.left_out) == (0, 0)


def test_table_says_more_and_fewer() -> None:
    found = [
        EqualQuality("tokens", "curve", "psnr", -12.34, 24, 0),
        EqualQuality("tokens", "curve", "ms-ssim", 5.0, 21, 3),
    ]
    assert single_points_table([POINT], found, DEFAULT_METRICS, TITLES).rows == (
        (
            "TOKENS",
            "64.000",
            "32.00",
            "0.9950",
            "CURVE",
            "12.3 % fewer",
            "5.0 % more (21 of 24)",
        ),
    )


def test_table_of_a_quality_that_is_never_reached() -> None:
    found = [EqualQuality("tokens", "curve", m.name, math.nan, 0, 2) for m in DEFAULT_METRICS]
    (row,) = single_points_table([POINT], found, DEFAULT_METRICS, TITLES).rows
    assert row[-2:] == ("- (0 of 2)", "- (0 of 2)")


def test_no_rows_where_nothing_is_beside() -> None:
    assert single_points_table([POINT], [], DEFAULT_METRICS, TITLES).rows == ()
