import math
from dataclasses import replace

import pytest

from tests.measuring.made_measurements import made
from vqzip.measuring.analysis.comparisons import (
    compare,
    mean_curve,
    mean_points,
    picture_curves,
    ranking_metric,
)
from vqzip.measuring.measure import Measurement
from vqzip.measuring.metrics.metric import Metric
from vqzip.measuring.metrics.pixels import MS_SSIM, PSNR


@pytest.mark.parametrize("metric", [PSNR, MS_SSIM])
def test_comparison_of_known_curves(metric: Metric) -> None:
    found = compare(made("half", 0.5), made("whole", 1), metric)
    assert found.per_picture.percent == pytest.approx(-50)
    assert found.per_picture.pictures == 2
    assert found.averaged.percent == pytest.approx(-50)


def test_comparison_has_every_picture() -> None:
    model = made("model", 1, pictures={"a": 0.5, "b": 6.0, "unknown": 1.0})
    found = compare(model, made("anchor", 1), PSNR)
    assert {name: rate.percent for name, rate in found.pictures.items()} == pytest.approx(
        {"a": -50, "b": 100}
    )
    assert found.per_picture.percent == pytest.approx(25)


def test_comparison_over_named_limits() -> None:
    found = compare(made("half", 0.5), made("whole", 1), PSNR, (32, 36))
    assert found.per_picture.percent == pytest.approx(-50)
    assert found.per_picture.least_covered == pytest.approx(0.5)
    assert found.averaged.low == 32


def test_pictures_without_ms_ssim_are_not_compared_by_it() -> None:
    found = compare(made("small", 0.5, None), made("whole", 1), MS_SSIM)
    assert math.isnan(found.per_picture.percent)
    assert math.isnan(found.averaged.percent)
    assert picture_curves(made("small", 1, None), MS_SSIM) == {}
    assert mean_points(made("small", 1, None))[0].scores["ms-ssim"] is None


def test_means_over_pictures() -> None:
    first = mean_points(made("whole", 1))[0]
    assert (first.setting, first.pictures, first.rate_bpp) == (0.0, 2, 16.0)
    assert (first.scores["psnr"], first.encode_s, first.decode_s) == (30.0, 1.0, 3.0)


def test_averaged_curves_weigh_pictures_by_their_size() -> None:
    mean = mean_curve(made("whole", 1), ["a", "b"], PSNR)
    assert mean.rate_bpp == pytest.approx([16, 32, 64])  # of rates 8 and 24, doubling
    assert mean.quality == pytest.approx([30, 32, 34])
    assert mean_curve(made("whole", 1), ["b"], PSNR).rate_bpp == pytest.approx([24, 48, 96])


def test_ms_ssim_is_averaged_before_it_becomes_decibels() -> None:
    one = made("one", 1, 0.9, pictures={"a": 1.0}).points
    other = made("one", 1, 0.99, pictures={"b": 1.0}).points
    both = Measurement("one", "ONE", (0.0, 1.0, 2.0), one + other, "made")
    expected = -10 * math.log10(1 - (0.9 + 0.99) / 2)
    assert mean_curve(both, ["a", "b"], MS_SSIM).quality[0] == pytest.approx(expected)


def test_models_are_ranked_by_their_own_metric_where_it_was_measured() -> None:
    model = replace(made("model", 1), own_metric="ms-ssim")
    assert ranking_metric(model, (PSNR, MS_SSIM)) is MS_SSIM
    assert ranking_metric(model, (PSNR,)) is PSNR
