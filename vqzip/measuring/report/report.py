"""What `vqzip rd-curve` found: measurements, comparisons, and the tables of both."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import dataclass

from vqzip.measuring.analysis.comparisons import Comparison, compare, ranking_metric
from vqzip.measuring.analysis.picture_wins import extremes_table, smaller_table, standings
from vqzip.measuring.analysis.quality_scale import scale_table
from vqzip.measuring.analysis.single_points import (
    EqualQuality,
    at_equal_quality,
    single_points_table,
)
from vqzip.measuring.measure import Measurement
from vqzip.measuring.metrics.known import DEFAULT_METRICS
from vqzip.measuring.metrics.metric import Metric
from vqzip.measuring.report.machine import machine, versions
from vqzip.measuring.report.result_tables import (
    bd_rate_table,
    order0_table,
    overhead_table,
    rate_table,
)
from vqzip.measuring.report.tables import Table


@dataclass(frozen=True)
class RdReport:
    """All results of `vqzip rd-curve`.

    Args:
        models: measurements of vqzip's models.
        anchors: measurements of other codecs.
        metrics: the metrics of all measurements.
        comparisons: every model with a curve against every anchor, then the anchors against the
            first.
        equal_quality: every model measured at one quality beside the first anchor, and beside the
            first model with a curve.
        command: the command line.
        versions: of vqzip, Python and the packages that decide numbers.
        machine: the machine that the times belong to.
    """

    models: tuple[Measurement, ...]
    anchors: tuple[Measurement, ...]
    metrics: tuple[Metric, ...]
    comparisons: tuple[Comparison, ...]
    equal_quality: tuple[EqualQuality, ...]
    command: tuple[str, ...]
    versions: dict[str, str]
    machine: dict[str, str | int]

    @property
    def measurements(self) -> tuple[Measurement, ...]:
        """Models, then anchors."""
        return self.models + self.anchors

    @property
    def curves(self) -> tuple[Measurement, ...]:
        """Models that were measured at several qualities."""
        return tuple(model for model in self.models if model.has_curve)

    @property
    def single_points(self) -> tuple[Measurement, ...]:
        """Models that were measured at one quality."""
        return tuple(model for model in self.models if not model.has_curve)

    @property
    def titles(self) -> dict[str, str]:
        """Titles of all codecs, by label."""
        return {measurement.label: measurement.title for measurement in self.measurements}


def make_report(
    models: Sequence[Measurement],
    anchors: Sequence[Measurement],
    command: Sequence[str] | None = None,
    metrics: Sequence[Metric] = DEFAULT_METRICS,
) -> RdReport:
    """Compare measurements with each other.

    Args:
        models: of vqzip.
        anchors: the first is the reference of the other anchors (usually JPEG).
        command: the command line; None for that of this process.
        metrics: those that the measurements have scores for.

    Raises:
        UsageError: SciPy is not installed.
    """
    curves = [model for model in models if model.has_curve]
    pairs = [(model, anchor) for model in curves for anchor in anchors]
    pairs += [(anchor, anchors[0]) for anchor in anchors[1:]]
    ranges = [(m, limits) for m in metrics for limits in dict.fromkeys((None, m.middle))]
    return RdReport(
        models=tuple(models),
        anchors=tuple(anchors),
        metrics=tuple(metrics),
        comparisons=tuple(
            compare(codec, reference, metric, limits)
            for codec, reference in pairs
            for metric, limits in ranges
        ),
        equal_quality=tuple(
            at_equal_quality(model, reference, metric)
            for model in models
            if not model.has_curve
            for reference in (*anchors[:1], *curves[:1])
            for metric in metrics
        ),
        command=tuple(sys.argv if command is None else command),
        versions=versions(metrics),
        machine=machine(),
    )


def report_tables(report: RdReport) -> tuple[Table, ...]:
    """Return the tables that have rows.

    Rates and distortions; BD-rates; wins and extremes picture by picture; models at one quality;
    the scale of qualities; prior against order 0; file overhead.
    """
    tables = (
        rate_table(report.measurements, report.metrics),
        bd_rate_table(report.comparisons, report.metrics, report.titles),
        _smaller_table(report),
        *_extremes_tables(report),
        single_points_table(
            report.single_points, report.equal_quality, report.metrics, report.titles
        ),
        scale_table(report.curves, report.metrics),
        order0_table(report.models),
        overhead_table(report.models),
    )
    return tuple(table for table in tables if table.rows)


def _smaller_table(report: RdReport) -> Table:
    models = {model.label for model in report.curves}
    return smaller_table(
        [item for item in report.comparisons if item.codec in models and item.limits is None],
        report.metrics,
        report.titles,
    )


def _extremes_tables(report: RdReport) -> tuple[Table, ...]:
    """Return one table, or none if there is no anchor to compare with."""
    if not report.anchors:
        return ()
    anchors = [anchor.label for anchor in report.anchors]
    ranked = [
        standings(model.label, anchors, ranking_metric(model, report.metrics), report.comparisons)
        for model in report.curves
    ]
    return (extremes_table(ranked, anchors[0], report.titles),)
