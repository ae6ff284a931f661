"""The averaged curves of a report, for its plots and its page."""

from __future__ import annotations

from vqzip.measuring.analysis.comparisons import mean_curve, picture_curves
from vqzip.measuring.metrics.metric import Metric
from vqzip.measuring.report.rd_plot import RdLine
from vqzip.measuring.report.report import RdReport


def rd_lines(report: RdReport, metric: Metric) -> tuple[RdLine, ...]:
    """Return the averaged curves for a plot, models first."""
    lines = []
    for measurement in report.measurements:
        curves = picture_curves(measurement, metric)
        if curves:
            mean = mean_curve(measurement, list(curves), metric)
            lines.append(
                RdLine(
                    measurement.title,
                    mean.rate_bpp,
                    mean.quality,
                    is_model=measurement in report.models,
                )
            )
    return tuple(lines)
