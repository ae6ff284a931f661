"""Measurements against one another: mean points, averaged curves, BD-rates."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from vqzip.measuring.analysis.bd_rate import (
    BdRate,
    Curve,
    MeanBdRate,
    bd_rate,
    mean_bd_rate,
    picture_bd_rates,
)
from vqzip.measuring.measure import Measurement, RdPoint
from vqzip.measuring.metrics.metric import Metric


@dataclass(frozen=True)
class MeanPoint:
    """Means over pictures at one setting; a score is None where no picture has it."""

    codec: str
    setting: float
    pictures: int
    rate_bpp: float
    bits_per_dim: float
    mse: float
    scores: dict[str, float | None]
    encode_s: float
    decode_s: float


@dataclass(frozen=True)
class Comparison:
    """BD-rates of one codec against one reference, by one metric over one range.

    Args:
        codec: label of the codec.
        reference: label of the codec that counts as 100 %.
        metric: name of what equal quality means.
        limits: range of its curve values asked for; None for all that is common.
        per_picture: mean of the pictures' BD-rates.
        averaged: BD-rate of the two averaged curves.
        pictures: BD-rate of each picture that both codecs have.
    """

    codec: str
    reference: str
    metric: str
    limits: tuple[float, float] | None
    per_picture: MeanBdRate
    averaged: BdRate
    pictures: dict[str, BdRate]


def compare(
    codec: Measurement,
    reference: Measurement,
    metric: Metric,
    limits: tuple[float, float] | None = None,
) -> Comparison:
    """Return the BD-rates of `codec` against `reference` over the pictures that both have.

    Raises:
        UsageError: SciPy is not installed.
    """
    tests, references = picture_curves(codec, metric), picture_curves(reference, metric)
    pictures = picture_bd_rates(references, tests, limits)
    if pictures:
        shared = list(pictures)
        averaged = bd_rate(
            mean_curve(reference, shared, metric), mean_curve(codec, shared, metric), limits
        )
    else:
        averaged = BdRate(math.nan, 0.0, math.nan, math.nan)
    return Comparison(
        codec.label,
        reference.label,
        metric.name,
        limits,
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
        name: Curve(tuple(p.rate_bpp for p in own), tuple(curve_value(p, metric) for p in own))
        for name, own in points.items()
        if all(p.scores.get(metric.name) is not None for p in own)
    }


def mean_points(measurement: Measurement) -> tuple[MeanPoint, ...]:
    """Return the means over all pictures at each setting, in the order measured."""
    return tuple(
        _mean_point([p for p in measurement.points if p.setting == setting])
        for setting in measurement.settings
    )


def mean_curve(measurement: Measurement, names: Sequence[str], metric: Metric) -> Curve:
    """Return the averaged curve of some pictures.

    Scores are averaged as they are and become curve values afterwards, as in published averages: PSNR is
    averaged in dB, MS-SSIM before it becomes dB. Such a curve weighs pictures by their size at a setting;
    its BD-rate differs from the mean over pictures by up to 5 points. Published curves compare with it only.
    """
    chosen = [point for point in measurement.points if point.picture in set(names)]
    means = [
        _mean_point([p for p in chosen if p.setting == setting]) for setting in measurement.settings
    ]
    return Curve(
        tuple(mean.rate_bpp for mean in means), tuple(curve_value(mean, metric) for mean in means)
    )


def curve_value(point: RdPoint | MeanPoint, metric: Metric) -> float:
    """Return the curve value of a point's score; NaN where it has none."""
    score = point.scores.get(metric.name)
    return math.nan if score is None else metric.curve_value(score)


def ranking_metric(measurement: Measurement, metrics: Sequence[Metric]) -> Metric:
    """Return the metric that a model was trained for, or the first one where it was not measured."""
    return next((m for m in metrics if m.name == measurement.own_metric), metrics[0])


def _mean_point(points: Sequence[RdPoint]) -> MeanPoint:
    def mean(of: Callable[[RdPoint], float]) -> float:
        return sum(map(of, points)) / len(points)

    return MeanPoint(
        codec=points[0].codec,
        setting=points[0].setting,
        pictures=len(points),
        rate_bpp=mean(lambda p: p.rate_bpp),
        bits_per_dim=mean(lambda p: p.bits_per_dim),
        mse=mean(lambda p: p.mse),
        scores={name: _mean_score(points, name) for name in points[0].scores},
        encode_s=mean(lambda p: p.encode_s),
        decode_s=mean(lambda p: p.decode_s),
    )


def _mean_score(points: Sequence[RdPoint], name: str) -> float | None:
    """Return the mean over the pictures that have a score."""
    found = [score for point in points if (score := point.scores[name]) is not None]
    return sum(found) / len(found) if found else None
