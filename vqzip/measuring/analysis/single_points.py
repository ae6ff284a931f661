"""Models measured at one quality: no curve, so no BD-rate, but others' bits for just that quality."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from vqzip.measuring.analysis.bd_rate import Curve, rate_at
from vqzip.measuring.analysis.comparisons import mean_points, picture_curves
from vqzip.measuring.measure import Measurement
from vqzip.measuring.metrics.metric import Metric
from vqzip.measuring.report.tables import Table, number


@dataclass(frozen=True)
class EqualQuality:
    """How many bits a codec with a curve needs for the quality of a model with one point a picture.

    Args:
        model: label of the model.
        reference: label of the codec that is asked for the same quality.
        metric: name of what the same quality means.
        percent: mean over pictures of the reference's bits above the model's; negative for fewer,
            NaN where the reference reaches no picture's quality.
        pictures: how many are in the mean.
        left_out: pictures whose quality the reference's curve does not reach.
    """

    model: str
    reference: str
    metric: str
    percent: float
    pictures: int
    left_out: int


def at_equal_quality(model: Measurement, reference: Measurement, metric: Metric) -> EqualQuality:
    """Return how many bits `reference` needs for each picture's quality under `model`.

    Args:
        model: with one point a picture.
        reference: with curves, which are interpolated as for BD-rates.
        metric: what the same quality means.

    Raises:
        UsageError: SciPy is not installed.
    """
    points, curves = picture_curves(model, metric), picture_curves(reference, metric)
    shared = [name for name in points if name in curves]
    asked = [_percent_more(points[name], curves[name]) for name in shared]
    found = [percent for percent in asked if not math.isnan(percent)]
    percent = sum(found) / len(found) if found else math.nan
    left_out = len(asked) - len(found)
    return EqualQuality(model.label, reference.label, metric.name, percent, len(found), left_out)


def single_points_table(
    models: Sequence[Measurement],
    found: Sequence[EqualQuality],
    metrics: Sequence[Metric],
    titles: Mapping[str, str],
) -> Table:
    """Return each model's own point, with a row for each codec that is asked for its quality.

    Args:
        models: of one point.
        found: for all of them, by all metrics.
        metrics: a column each for the score and for the bits.
        titles: of all codecs, by label.
    """
    rows = []
    for model in models:
        (mean,) = mean_points(model)
        scores = (number(mean.scores.get(m.name), m.digits) for m in metrics)
        point = (number(mean.rate_bpp, 3), *scores)
        own = [item for item in found if item.model == model.label]
        for reference in dict.fromkeys(item.reference for item in own):
            cells = {item.metric: _cell(item) for item in own if item.reference == reference}
            ordered = (cells[metric.name] for metric in metrics)
            rows.append((model.title, *point, titles[reference], *ordered))
    return Table(
        "Models at one quality, and the bits that others need for the same",
        (
            "model",
            "bpp",
            *(metric.heading for metric in metrics),
            "other",
            *(f"by {metric.title}" for metric in metrics),
        ),
        tuple(rows),
    )


def _percent_more(point: Curve, curve: Curve) -> float:
    """Return how many percent more bits `curve` takes at the quality of a curve of one point."""
    return 100 * (rate_at(curve, point.quality[0]) / point.rate_bpp[0] - 1)


def _cell(found: EqualQuality) -> str:
    if math.isnan(found.percent):
        cell = "-"
    else:
        cell = f"{abs(found.percent):.1f} % " + ("more" if found.percent > 0 else "fewer")
    total = found.pictures + found.left_out
    return f"{cell} ({found.pictures} of {total})" if found.left_out else cell
