import math
from collections.abc import Callable

import numpy as np
import pytest

from vqzip.errors import UsageError
from vqzip.measuring.analysis.bd_rate import (
    BdRate,
    Curve,
    bd_rate,
    mean_bd_rate,
    picture_bd_rates,
    rate_at,
)

QUALITY = (30.0, 33.0, 35.0, 38.0, 41.0)
RATE = (0.1, 0.2, 0.35, 0.7, 1.5)
JPEG = Curve(RATE, QUALITY)


def scaled(factor: float, shift_db: float = 0.0) -> Curve:
    return Curve(tuple(factor * r for r in RATE), tuple(q + shift_db for q in QUALITY))


def log_line(slope: float, offset: float, qualities: tuple[float, ...]) -> Curve:
    """The curve with log10(rate) = slope * quality + offset."""
    return Curve(tuple(10 ** (slope * q + offset) for q in qualities), qualities)


@pytest.mark.parametrize(("factor", "percent"), [(0.5, -50), (0.75, -25), (1, 0), (2, 100)])
def test_rate_scaled_everywhere(factor: float, percent: float) -> None:
    found = bd_rate(JPEG, scaled(factor))
    assert found.percent == pytest.approx(percent, abs=1e-9)
    assert found == BdRate(found.percent, 1.0, 30.0, 41.0)


def test_two_lines_by_hand() -> None:
    # log10(r) = q/10 - 4 against q/20 - 2.35 on their common 32 to 40 dB. Mean difference of the
    # logarithms, at 36 dB: (1.8 - 2.35) - (3.6 - 4) = -0.15.
    first = log_line(0.1, -4, (30, 34, 37, 40))
    second = log_line(0.05, -2.35, (32, 35, 39, 43))
    found = bd_rate(first, second)
    assert found.percent == pytest.approx(100 * (10**-0.15 - 1))
    assert found.covered == pytest.approx(0.8)
    # Between 33 and 37 dB the mean is at 35 dB: (1.75 - 2.35) - (3.5 - 4) = -0.1.
    found = bd_rate(first, second, (33, 37))
    assert found.percent == pytest.approx(100 * (10**-0.1 - 1))
    assert (found.covered, found.low, found.high) == (1.0, 33, 37)


def test_limits_that_curves_do_not_reach() -> None:
    found = bd_rate(JPEG, scaled(0.5), (36, 46))
    assert found.percent == pytest.approx(-50)
    assert (found.low, found.high, found.covered) == (36, 41, 0.5)


def test_order_and_points_that_are_no_better_do_not_matter() -> None:
    half = scaled(0.5)
    order = (3, 0, 4, 1, 2)
    shuffled = Curve(
        (*(half.rate_bpp[i] for i in order), 0.4), (*(half.quality[i] for i in order), 33.0)
    )
    assert bd_rate(JPEG, shuffled).percent == pytest.approx(-50)


def test_points_without_any_error_are_left_out() -> None:
    half = scaled(0.5)
    lossless = Curve((*half.rate_bpp, 9.0), (*half.quality, math.inf))
    assert bd_rate(JPEG, lossless).percent == pytest.approx(-50)


def test_no_common_quality_is_nan() -> None:
    for other in (scaled(1, 20), Curve((1.0,), (35.0,)), Curve((), ()), Curve((1.0,), (math.inf,))):
        found = bd_rate(JPEG, other)
        assert math.isnan(found.percent)
        assert found.covered == 0
    assert math.isnan(bd_rate(JPEG, scaled(0.5), (50, 60)).percent)


def test_mean_over_pictures_says_what_is_left_out() -> None:
    references = {"a": JPEG, "b": JPEG, "c": JPEG}
    tests = {"a": scaled(0.5), "b": scaled(0.7), "c": scaled(1, 20), "unknown": JPEG}
    rates = picture_bd_rates(references, tests)
    assert {name: rate.percent for name, rate in rates.items()} == pytest.approx(
        {"a": -50, "b": -30, "c": math.nan}, nan_ok=True
    )
    found = mean_bd_rate(rates.values())
    assert found.percent == pytest.approx(-40)
    assert (found.least_covered, found.pictures, found.left_out) == (1.0, 2, 1)
    assert math.isnan(mean_bd_rate([rates["c"]]).percent)


def test_rate_at_a_quality() -> None:
    line = log_line(0.1, -4, (30, 34, 37, 40))
    for quality in (30, 32.5, 37, 40):
        assert rate_at(line, quality) == pytest.approx(10 ** (0.1 * quality - 4))
    for quality in (29.99, 40.01, math.inf, math.nan):
        assert math.isnan(rate_at(line, quality))
    assert math.isnan(rate_at(Curve((1.0,), (35.0,)), 35.0))


def test_missing_scipy_is_one_sentence(without: Callable[[str], None]) -> None:
    without("scipy")
    with pytest.raises(UsageError, match=r"BD-rate needs scipy: pip install vqzip\[report\]"):
        bd_rate(JPEG, JPEG)


def test_agrees_with_the_bjontegaard_package() -> None:
    reference = pytest.importorskip("bjontegaard").bd_rate
    rng = np.random.default_rng(0)
    for _ in range(20):
        rates = np.sort(rng.uniform(0.05, 2, (2, 8)), axis=1)
        qualities = np.sort(rng.uniform(25, 42, (2, 8)), axis=1)
        theirs = reference(
            rates[0],
            qualities[0],
            rates[1],
            qualities[1],
            method="pchip",
            require_matching_points=False,
            min_overlap=0,
        )
        first, second = (
            Curve(tuple(r.tolist()), tuple(q.tolist()))
            for r, q in zip(rates, qualities, strict=True)
        )
        assert bd_rate(first, second).percent == pytest.approx(theirs, rel=1e-6)
