"""Measurements against one another: mean points, averaged curves, BD-rates."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from vqzip.measuring.analysis.bd_rate import (
    BdRate,
    Curve,
    MeanBdRate,
    averaged_curve,
    bd_rate,
    mean_bd_rate,
    ms_ssim_db,
    picture_bd_rates,
)
from vqzip.measuring.rd_curve import Measurement, RdPoint
from vqzip.metrics import Metric


@dataclass(frozen=True)
class MeanPoint:
    """Means over pictures at one setting; `ms_ssim` is None where no picture has one."""

    codec: str
    setting: float
    pictures: int
    rate_bpp: float
    bits_per_dim: float
    mse: float
    psnr_db: float
    ms_ssim: float | None
    encode_s: float
    decode_s: float


@dataclass(frozen=True)
class Comparison:
    """BD-rates of one codec against one reference, by one metric over one range.

    Args:
        codec: label of the codec.
        reference: label of the codec that counts as 100 %.
        metric: what equal quality means.
        limits_db: range asked for; None for all that is common.
        per_picture: mean of the pictures' BD-rates.
        averaged: BD-rate of the two averaged curves.
        pictures: BD-rate of each picture that both codecs have.
    """

    codec: str
    reference: str
    metric: Metric
    limits_db: tuple[float, float] | None
    per_picture: MeanBdRate
    averaged: BdRate
    pictures: dict[str, BdRate]


def compare(
    codec: Measurement,
    reference: Measurement,
    metric: Metric,
    limits_db: tuple[float, float] | None = None,
) -> Comparison:
    """Return the BD-rates of `codec` against `reference` over the pictures that both have.

    Raises:
        UsageError: SciPy is not installed.
    """
    tests, references = picture_curves(codec, metric), picture_curves(reference, metric)
    pictures = picture_bd_rates(references, tests, limits_db)
    if pictures:
        shared = list(pictures)
        averaged = bd_rate(
            mean_curve(reference, shared, metric), mean_curve(codec, shared, metric), limits_db
        )
    else:
        averaged = BdRate(math.nan, 0.0, math.nan, math.nan)
    return Comparison(
        codec.label,
        reference.label,
        metric,
        limits_db,
        mean_bd_rate(pictures.values()),
        averaged,
        pictures,
    )


def picture_curves(measurement: Measurement, metric: Metric) -> dict[str, Curve]:
    """Return the curve of each picture, without pictures that the metric cannot measure."""
    points: dict[str, list[RdPoint]] = {}
    for point in measurement.points:
        points.setdefault(point.picture, []).append(point)
    return {
        name: Curve(tuple(p.rate_bpp for p in own), tuple(quality_db(p, metric) for p in own))
        for name, own in points.items()
        if metric == "psnr" or all(p.ms_ssim is not None for p in own)
    }


def mean_points(measurement: Measurement) -> tuple[MeanPoint, ...]:
    """Return the means over all pictures at each setting, in the order measured."""
    return tuple(
        _mean_point([p for p in measurement.points if p.setting == setting])
        for setting in measurement.settings
    )


def mean_curve(measurement: Measurement, names: Sequence[str], metric: Metric) -> Curve:
    """Return the averaged curve of some pictures.

    PSNR is averaged in dB, but MS-SSIM before it becomes dB, as published averages are.
    """
    if metric == "psnr":
        curves = picture_curves(measurement, metric)
        return averaged_curve([curves[name] for name in names])
    chosen = [point for point in measurement.points if point.picture in set(names)]
    means = [
        _mean_point([p for p in chosen if p.setting == setting]) for setting in measurement.settings
    ]
    return Curve(
        tuple(mean.rate_bpp for mean in means),
        tuple(math.nan if m.ms_ssim is None else ms_ssim_db(m.ms_ssim) for m in means),
    )


def quality_db(point: RdPoint, metric: Metric) -> float:
    """Return PSNR, or MS-SSIM in dB; NaN for a picture that has none."""
    if metric == "psnr":
        return point.psnr_db
    return math.nan if point.ms_ssim is None else ms_ssim_db(point.ms_ssim)


def _mean_point(points: Sequence[RdPoint]) -> MeanPoint:
    def mean(of: Callable[[RdPoint], float]) -> float:
        return sum(map(of, points)) / len(points)

    similarities = [point.ms_ssim for point in points if point.ms_ssim is not None]
    return MeanPoint(
        codec=points[0].codec,
        setting=points[0].setting,
        pictures=len(points),
        rate_bpp=mean(lambda p: p.rate_bpp),
        bits_per_dim=mean(lambda p: p.bits_per_dim),
        mse=mean(lambda p: p.mse),
        psnr_db=mean(lambda p: p.psnr_db),
        ms_ssim=sum(similarities) / len(similarities) if similarities else None,
        encode_s=mean(lambda p: p.encode_s),
        decode_s=mean(lambda p: p.decode_s),
    )
