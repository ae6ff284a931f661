"""The tables of a report, as strings."""

from __future__ import annotations

import itertools
import math
from collections.abc import Mapping, Sequence

from vqzip.measuring.analysis.bd_rate import LEAST_COVERED, MeanBdRate
from vqzip.measuring.analysis.comparisons import Comparison, mean_points
from vqzip.measuring.measure import Measurement
from vqzip.measuring.metrics.metric import Metric
from vqzip.measuring.report.tables import Table, number, setting_text


def rate_table(measurements: Sequence[Measurement], metrics: Sequence[Metric]) -> Table:
    """Return the means over pictures of every codec at every setting."""
    rows = [
        (
            measurement.title,
            setting_text(point.setting),
            number(point.rate_bpp, 3),
            number(point.bits_per_dim, 4),
            f"{point.mse:.6f}",
            *(number(point.scores.get(metric.name), metric.digits) for metric in metrics),
            number(point.encode_s, 3),
            number(point.decode_s, 3),
        )
        for measurement in measurements
        for point in mean_points(measurement)
    ]
    header = (
        "codec",
        "setting",
        "bpp",
        "bits/dim",
        "MSE",
        *(metric.heading for metric in metrics),
        "encode s",
        "decode s",
    )
    pictures = len({p.picture for m in measurements for p in m.points})
    plural = "picture" if pictures == 1 else "pictures"
    return Table(f"Means over {pictures} {plural} (MSE on [0, 1])", header, tuple(rows))


def bd_rate_table(
    comparisons: Sequence[Comparison], metrics: Sequence[Metric], titles: Mapping[str, str]
) -> Table:
    """Return the BD-rates, a row for each codec and reference.

    Args:
        comparisons: grouped by pair, in the order of the columns: each metric over the common range, then
            over its middle range if it has one.
        metrics: the metrics of the comparisons.
        titles: of the codecs, by label.

    A `!` marks results that cover little of their range.
    """
    found: dict[tuple[str, str], list[str]] = {}
    for item in comparisons:
        cells = found.setdefault((item.codec, item.reference), [])
        cells.append(mean_cell(item.per_picture))
        cells.append(_marked(item.averaged.percent, item.averaged.covered))
    ranges = [name for metric in metrics for name in _range_names(metric)]
    columns = [text for name in ranges for text in (name, f"{name}, averaged")]
    header = ("codec", "against", *columns)
    rows = tuple((titles[c], titles[r], *cells) for (c, r), cells in found.items())
    return Table(
        "BD-rate, % of the bits at equal quality (mean over pictures, then of averaged curves; "
        f"! = under {LEAST_COVERED:.0%} of the range covered)",
        header,
        rows,
    )


def order0_table(models: Sequence[Measurement]) -> Table:
    """Return the prior's code length against one histogram a level, group and quality."""
    rows = []
    for measurement in models:
        for quality, of_quality in itertools.groupby(measurement.levels, lambda x: x.quality):
            levels = list(of_quality)
            rows += [
                (
                    measurement.title,
                    setting_text(quality),
                    str(level.level),
                    str(level.codes),
                    number(level.distinct, 0),
                    number(level.prior_bits / level.codes, 4),
                    number(level.order0_bits / level.codes, 4),
                    number(level.ratio, 3),
                )
                for level in levels
            ]
            if len(levels) == 1:
                continue
            codes = sum(level.codes for level in levels)
            prior = sum(level.prior_bits for level in levels)
            order0 = sum(level.order0_bits for level in levels)
            together = (number(prior / codes, 4), number(order0 / codes, 4))
            ratio = number(prior / order0 if order0 else math.nan, 3)
            rows.append(
                (measurement.title, setting_text(quality), "all", str(codes), "", *together, ratio)
            )
    return Table(
        "Prior against order 0 (histograms fitted on these pictures)",
        (
            "model",
            "quality",
            "level",
            "codes",
            "in use",
            "prior bits/code",
            "order-0 bits/code",
            "ratio",
        ),
        tuple(rows),
    )


def overhead_table(models: Sequence[Measurement]) -> Table:
    """Return the size of files relative to the prior's code length, and whether codes were decoded exactly."""
    rows = []
    for measurement in models:
        over = measurement.overhead
        if over is None:
            continue
        wrong = sum(point.codes_equal is False for point in measurement.points)
        rows.append(
            (
                measurement.title,
                str(over.files),
                str(over.files - wrong),
                number(over.mean_percent, 3),
                number(over.max_percent, 3),
                number(over.mean_bytes, 1),
                number(over.max_bytes, 1),
            )
        )
    return Table(
        "Files over the prior's own code length (percent: after 48 bytes of each file)",
        ("model", "files", "codes equal", "mean %", "max %", "mean bytes", "max bytes"),
        tuple(rows),
    )


def _range_names(metric: Metric) -> list[str]:
    """Return the names of the ranges of BD-rates by a metric."""
    if metric.middle is None:
        return [metric.title]
    low, high = metric.middle
    return [metric.title, f"{metric.title} {low:g}-{high:g} {metric.unit}".strip()]


def mean_cell(mean: MeanBdRate) -> str:
    """Return a mean BD-rate, with a mark for low coverage and the number of pictures if some are missing."""
    cell = _marked(mean.percent, mean.least_covered)
    return f"{cell} ({mean.pictures} of {mean.pictures + mean.left_out})" if mean.left_out else cell


def _marked(percent: float, covered: float) -> str:
    if math.isnan(percent):
        return "-"
    return f"{percent:+.1f}" + ("!" if covered < LEAST_COVERED else "")
