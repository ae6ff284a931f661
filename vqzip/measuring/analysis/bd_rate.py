"""BD-rate: how many percent more or fewer bits a codec needs at equal quality (Bjøntegaard 2001).

log2(rate) is interpolated over quality by PCHIP (Fritsch and Butland 1984), which never leaves the
range of its points, and the difference of the two curves is averaged over their common qualities.
The package `bjontegaard` interpolates in the same way, but always integrates over the whole common range,
warns instead of returning how much of the range was covered, and imports pyplot. So SciPy's interpolator
is used here, and a test compares the two over the whole range.

A BD-rate depends on its range by several points, so every result contains the range.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from vqzip.errors import UsageError, missing_package

if TYPE_CHECKING:
    from scipy.interpolate import PchipInterpolator

LEAST_COVERED = 0.6
"""Results that cover less of their range are marked in tables."""


@dataclass(frozen=True)
class Curve:
    """Rate and quality of a codec at several settings, in any order.

    Args:
        rate_bpp: bits per pixel, or another unit that both curves share.
        quality: curve values of a metric; larger is better.
    """

    rate_bpp: tuple[float, ...]
    quality: tuple[float, ...]

    def __post_init__(self) -> None:
        if len(self.rate_bpp) != len(self.quality):
            raise UsageError("a curve needs equally many rates and qualities.")


@dataclass(frozen=True)
class BdRate:
    """BD-rate of a curve against a reference.

    Args:
        percent: negative when fewer bits are needed; NaN when the curves share no quality.
        covered: part of the range that both curves reach: of the named limits, or, without
            limits, of the smaller of the two curves' ranges.
        low: start of the range averaged over (NaN when there is none).
        high: end of the range.
    """

    percent: float
    covered: float
    low: float
    high: float


@dataclass(frozen=True)
class MeanBdRate:
    """Mean of the BD-rates of single pictures.

    Args:
        percent: mean over the pictures that have one; NaN when none has.
        least_covered: smallest part of the range covered, over those pictures.
        pictures: number of pictures with a BD-rate.
        left_out: number of pictures that share no quality with the reference.
    """

    percent: float
    least_covered: float
    pictures: int
    left_out: int


def bd_rate(reference: Curve, test: Curve, limits: tuple[float, float] | None = None) -> BdRate:
    """Return the BD-rate of `test` against `reference`.

    Args:
        reference: the codec that counts as 100 %.
        test: the codec that is compared.
        limits: lowest and highest quality to average over; None for the whole common range.

    Raises:
        UsageError: SciPy is not installed.
    """
    reference_rate, reference_quality = _rising(reference)
    test_rate, test_quality = _rising(test)
    if min(len(reference_rate), len(test_rate)) < 2:
        return BdRate(math.nan, 0.0, math.nan, math.nan)
    low = float(max(reference_quality[0], test_quality[0]))
    high = float(min(reference_quality[-1], test_quality[-1]))
    whole = float(min(np.ptp(reference_quality), np.ptp(test_quality)))
    if limits is not None:
        low, high, whole = max(low, limits[0]), min(high, limits[1]), limits[1] - limits[0]
    if high <= low:
        return BdRate(math.nan, 0.0, math.nan, math.nan)
    difference = _mean_log2_rate(test_rate, test_quality, low, high) - _mean_log2_rate(
        reference_rate, reference_quality, low, high
    )
    return BdRate(100 * (2**difference - 1), (high - low) / whole, low, high)


def picture_bd_rates(
    references: Mapping[str, Curve],
    tests: Mapping[str, Curve],
    limits: tuple[float, float] | None = None,
) -> dict[str, BdRate]:
    """Return the BD-rates of all pictures that both have, by picture.

    Raises:
        UsageError: SciPy is not installed.
    """
    shared = [name for name in tests if name in references]
    return {name: bd_rate(references[name], tests[name], limits) for name in shared}


def mean_bd_rate(rates: Collection[BdRate]) -> MeanBdRate:
    """Return the mean of the BD-rates that are not NaN."""
    found = [rate for rate in rates if not math.isnan(rate.percent)]
    if not found:
        return MeanBdRate(math.nan, 0.0, 0, len(rates))
    percent = sum(rate.percent for rate in found) / len(found)
    least = min(rate.covered for rate in found)
    return MeanBdRate(percent, least, len(found), len(rates) - len(found))


def rate_at(curve: Curve, quality: float) -> float:
    """Return the rate at which a curve reaches a quality, in the curve's own unit.

    Returns:
        A number within the curve's rates; NaN if the curve does not reach the quality.

    Raises:
        UsageError: SciPy is not installed.
    """
    rate, known = _rising(curve)
    if len(rate) < 2 or not known[0] <= quality <= known[-1]:
        return math.nan
    return float(2 ** _log2_rate(rate, known)(quality))


def _rising(curve: Curve) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Sort by rate; drop points without any error, and points that are no better than a cheaper one."""
    rate = np.asarray(curve.rate_bpp, np.float64)
    quality = np.asarray(curve.quality, np.float64)
    finite = np.isfinite(quality)
    rate, quality = rate[finite], quality[finite]
    order = np.lexsort((quality, rate))
    rate, quality = rate[order], quality[order]
    if not rate.size:
        return rate, quality
    better = np.r_[True, quality[1:] > np.maximum.accumulate(quality)[:-1]]
    return rate[better], quality[better]


def _mean_log2_rate(
    rate: NDArray[np.float64], quality: NDArray[np.float64], low: float, high: float
) -> float:
    return float(_log2_rate(rate, quality).integrate(low, high)) / (high - low)


def _log2_rate(rate: NDArray[np.float64], quality: NDArray[np.float64]) -> PchipInterpolator:
    """Return log2(rate) as a function of quality, from points that rise."""
    try:
        from scipy.interpolate import PchipInterpolator
    except ImportError as error:
        raise missing_package("scipy", "BD-rate") from error
    return PchipInterpolator(quality, np.log2(rate))
