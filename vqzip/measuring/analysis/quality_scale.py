"""How even the scale of qualities is: each whole step should cost the same factor and be worth it.

The design is a factor of about 1.43 in bytes from one whole quality to the next, for every picture
more bytes, and a better picture by the metric that the model was trained for.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from vqzip.measuring.analysis.comparisons import curve_value, mean_points, ranking_metric
from vqzip.measuring.measure import Measurement, RdPoint
from vqzip.measuring.metrics.metric import Metric
from vqzip.measuring.report.tables import Table, number, setting_text


@dataclass(frozen=True)
class Violation:
    """A picture that a whole step of quality makes no larger, or no better.

    Args:
        picture: path below the folder that was measured.
        quality: the lower one.
        bytes_grow: whether the next whole quality takes more bytes.
        metric_grows: whether the model's own metric is higher there.
    """

    picture: str
    quality: float
    bytes_grow: bool
    metric_grows: bool


@dataclass(frozen=True)
class WholeQuality:
    """A whole quality and the step to it from the one before.

    Args:
        quality: 1 to 8.
        rate_bpp: mean over pictures.
        ratio: to the mean rate at `quality - 1`; None where that was not measured.
        pictures: how many were coded at both; 0 where there is no such step.
        violations: those among them that the step makes no larger, or no better.
    """

    quality: float
    rate_bpp: float
    ratio: float | None
    pictures: int
    violations: tuple[Violation, ...]


def quality_scale(measurement: Measurement, metric: Metric) -> tuple[WholeQuality, ...]:
    """Return the whole qualities of a model's measurement, the lowest first.

    Args:
        measurement: of a model.
        metric: by which each whole quality should be better than the one before.
    """
    rates = {
        point.setting: point.rate_bpp
        for point in mean_points(measurement)
        if point.setting.is_integer()
    }
    return tuple(_whole_quality(measurement, quality, rates, metric) for quality in sorted(rates))


def scale_table(models: Sequence[Measurement], metrics: Sequence[Metric]) -> Table:
    """Return the rate, the step and the violations of every whole quality of every model.

    A model that was measured at no two neighboring whole qualities has no rows.
    """
    rows: list[tuple[str, ...]] = []
    for model in models:
        metric = ranking_metric(model, metrics)
        scale = quality_scale(model, metric)
        if any(step.ratio is not None for step in scale):
            rows += [(model.title, *_cells(step, metric)) for step in scale]
            rows.append((model.title, *_all_cells(scale, metric)))
    return Table(
        "Quality scale (violations: pictures that the step makes no larger, or no better)",
        ("model", "quality", "bpp", "ratio", "better by", "violations"),
        tuple(rows),
    )


def _whole_quality(
    measurement: Measurement, quality: float, rates: dict[float, float], metric: Metric
) -> WholeQuality:
    rate = rates[quality]
    if quality - 1 not in rates:
        return WholeQuality(quality, rate, None, 0, ())
    lower, upper = (_points_at(measurement, setting) for setting in (quality - 1, quality))
    shared = [name for name in lower if name in upper]
    steps = [_violation(lower[name], upper[name], metric) for name in shared]
    return WholeQuality(
        quality,
        rate,
        ratio=rate / rates[quality - 1],
        pictures=len(shared),
        violations=tuple(step for step in steps if step is not None),
    )


def _points_at(measurement: Measurement, setting: float) -> dict[str, RdPoint]:
    return {point.picture: point for point in measurement.points if point.setting == setting}


def _violation(lower: RdPoint, upper: RdPoint, metric: Metric) -> Violation | None:
    """Return what is wrong with a step of one picture, None where nothing is."""
    before, after = curve_value(lower, metric), curve_value(upper, metric)
    bytes_grow = upper.payload_bytes > lower.payload_bytes
    metric_grows = after > before or math.isnan(after)  # a picture may be too small for the metric
    if bytes_grow and metric_grows:
        return None
    return Violation(lower.picture, lower.setting, bytes_grow, metric_grows)


def _cells(step: WholeQuality, metric: Metric) -> tuple[str, ...]:
    return (
        setting_text(step.quality),
        number(step.rate_bpp, 3),
        number(step.ratio, 2),
        metric.title,
        f"{len(step.violations)} of {step.pictures}" if step.pictures else "-",
    )


def _all_cells(scale: Sequence[WholeQuality], metric: Metric) -> tuple[str, ...]:
    """Return the geometric mean of the ratios, and all violations."""
    ratios = [step.ratio for step in scale if step.ratio is not None]
    mean = math.exp(sum(map(math.log, ratios)) / len(ratios))
    violations = sum(len(step.violations) for step in scale)
    pairs = sum(step.pictures for step in scale)
    return ("all", "", number(mean, 2), metric.title, f"{violations} of {pairs}")
