import math

import pytest

from tests.measuring.made_measurements import made
from vqzip.measuring.analysis.comparisons import compare, mean_points, picture_curves
from vqzip.metrics import Metric


@pytest.mark.parametrize("metric", ["psnr", "ms_ssim"])
def test_comparison_of_known_curves(metric: Metric) -> None:
    found = compare(made("half", 0.5), made("whole", 1), metric)
    assert found.per_picture.percent == pytest.approx(-50)
    assert found.per_picture.pictures == 2
    assert found.averaged.percent == pytest.approx(-50)


def test_comparison_has_every_picture() -> None:
    model = made("model", 1, pictures={"a": 0.5, "b": 6.0, "unknown": 1.0})
    found = compare(model, made("anchor", 1), "psnr")
    assert {name: rate.percent for name, rate in found.pictures.items()} == pytest.approx(
        {"a": -50, "b": 100}
    )
    assert found.per_picture.percent == pytest.approx(25)


def test_comparison_over_named_limits() -> None:
    found = compare(made("half", 0.5), made("whole", 1), "psnr", (32, 36))
    assert found.per_picture.percent == pytest.approx(-50)
    assert found.per_picture.least_covered == pytest.approx(0.5)
    assert found.averaged.low_db == 32


def test_pictures_without_ms_ssim_are_not_compared_by_it() -> None:
    found = compare(made("small", 0.5, None), made("whole", 1), "ms_ssim")
    assert math.isnan(found.per_picture.percent)
    assert math.isnan(found.averaged.percent)
    assert picture_curves(made("small", 1, None), "ms_ssim") == {}
    assert mean_points(made("small", 1, None))[0].ms_ssim is None


def test_means_over_pictures() -> None:
    first = mean_points(made("whole", 1))[0]
    assert (first.setting, first.pictures, first.rate_bpp) == (0.0, 2, 16.0)
    assert (first.psnr_db, first.encode_s, first.decode_s) == (30.0, 1.0, 3.0)
