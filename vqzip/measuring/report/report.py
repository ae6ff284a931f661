"""What `vqzip rd-curve` leaves behind: tables, JSON, CSV and plots."""

from __future__ import annotations

import csv
import json
import math
import os
import platform
import sys
from collections.abc import Sequence
from dataclasses import asdict, dataclass, fields
from importlib import metadata
from pathlib import Path

import torch

import vqzip
from vqzip.files import whole_file, write_whole
from vqzip.measuring.analysis.comparisons import (
    Comparison,
    compare,
    mean_curve,
    mean_points,
    picture_curves,
    ranking_metric,
)
from vqzip.measuring.analysis.picture_wins import extremes_table, smaller_table, standings
from vqzip.measuring.analysis.quality_scale import quality_scale, scale_table
from vqzip.measuring.analysis.single_points import (
    EqualQuality,
    at_equal_quality,
    single_points_table,
)
from vqzip.measuring.measure import Measurement, RdPoint
from vqzip.measuring.metrics.known import DEFAULT_METRICS
from vqzip.measuring.metrics.metric import Metric
from vqzip.measuring.report.plots import RdLine, rd_plot
from vqzip.measuring.report.result_tables import (
    bd_rate_table,
    order0_table,
    overhead_table,
    rate_table,
)
from vqzip.measuring.report.tables import Table

_PACKAGES = ("constriction", "numpy", "pillow", "pytorch-msssim", "scipy", "torch")


@dataclass(frozen=True)
class RdReport:
    """All that `vqzip rd-curve` found.

    Args:
        models: measurements of vqzip's models.
        anchors: measurements of other codecs.
        metrics: that all of them were measured by.
        comparisons: every model with a curve against every anchor, then the anchors against the
            first.
        equal_quality: every model measured at one quality beside the first anchor, and beside the
            first model with a curve.
        command: the command line.
        versions: of vqzip, Python and the packages that decide numbers.
        machine: where the times were taken.
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
    """Compare measurements with one another.

    Args:
        models: of vqzip.
        anchors: the first is the reference of the other anchors (JPEG, as a rule).
        command: the command line; None for that of this process.
        metrics: that the measurements have scores of.

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
        versions=_versions(metrics),
        machine=_machine(),
    )


def write_report(report: RdReport, folder: Path) -> tuple[Path, ...]:
    """Write `results.json`, `points.csv`, `tables.md`, and a plot of each metric as PNG and SVG.

    Returns:
        The files written; a plot of a metric that no picture has is left out.

    Raises:
        UsageError: matplotlib is not installed.
    """
    folder.mkdir(parents=True, exist_ok=True)
    written = [folder / "results.json", folder / "points.csv", folder / "tables.md"]
    write_json(report, written[0])
    write_csv(report, written[1])
    tables = "\n".join(table.markdown() for table in report_tables(report))
    write_whole(written[2], tables.encode())
    for metric in report.metrics:
        lines = rd_lines(report, metric)
        if lines:
            stem = metric.name.replace("-", "_")
            paths = (folder / f"{stem}.png", folder / f"{stem}.svg")
            rd_plot(lines, metric.axis, paths)
            written += paths
    return tuple(written)


def write_json(report: RdReport, path: Path) -> None:
    """Write everything in the report; an infinite PSNR or a missing BD-rate becomes null."""
    plain = {
        "vqzip": report.versions["vqzip"],
        "command": list(report.command),
        "versions": report.versions,
        "machine": report.machine,
        "comparisons": [asdict(comparison) for comparison in report.comparisons],
        "equal_quality": [asdict(found) for found in report.equal_quality],
        "quality_scales": {
            model.label: [
                asdict(step) for step in quality_scale(model, ranking_metric(model, report.metrics))
            ]
            for model in report.curves
        },
        "codecs": [
            {
                "label": m.label,
                "title": m.title,
                "description": m.description,
                "own_metric": m.own_metric,
                "settings": m.settings,
                "means": [asdict(point) for point in mean_points(m)],
                "levels": [asdict(level) | {"ratio": level.ratio} for level in m.levels],
                "overhead": None if m.overhead is None else asdict(m.overhead),
                "points": [asdict(point) for point in m.points],
            }
            for m in report.measurements
        ],
    }
    text = json.dumps(_finite(plain), indent=1, allow_nan=False, ensure_ascii=False)
    write_whole(path, f"{text}\n".encode())


def write_csv(report: RdReport, path: Path) -> None:
    """Write every point as a row; code lengths of levels stand in one cell, with spaces."""
    names = [field.name for field in fields(RdPoint) if field.name != "scores"]
    names[names.index("encode_s") : names.index("encode_s")] = [m.name for m in report.metrics]
    with (
        whole_file(path) as temporary,
        temporary.open("w", newline="", encoding="utf-8") as file,
    ):
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(names)
        for measurement in report.measurements:
            for point in measurement.points:
                row = asdict(point) | point.scores
                row["code_length_bits"] = " ".join(f"{bits:.2f}" for bits in point.code_length_bits)
                writer.writerow([row[name] for name in names])


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
    """Return one table, or none where there is no anchor to stand against."""
    if not report.anchors:
        return ()
    anchors = [anchor.label for anchor in report.anchors]
    ranked = [
        standings(model.label, anchors, ranking_metric(model, report.metrics), report.comparisons)
        for model in report.curves
    ]
    return (extremes_table(ranked, anchors[0], report.titles),)


def _finite(value: object) -> object:
    """Return plain data with None for NaN and infinities, which JSON does not have."""
    if isinstance(value, dict):
        return {key: _finite(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_finite(item) for item in value]
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value


def _versions(metrics: Sequence[Metric]) -> dict[str, str]:
    found = {"vqzip": vqzip.__version__, "python": platform.python_version()}
    found |= {package: _version(package) for package in _PACKAGES}
    return found | dict(metric.version() for metric in metrics)


def _version(package: str) -> str:
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return "not installed"


def _machine() -> dict[str, str | int]:
    found: dict[str, str | int] = {
        "system": platform.platform(),
        "processor": _processor(),
        "cores": os.cpu_count() or 0,
        "torch_threads": torch.get_num_threads(),
    }
    if torch.cuda.is_available():
        found["gpu"] = torch.cuda.get_device_name()
    return found


def _processor() -> str:
    listed = Path("/proc/cpuinfo")
    if listed.is_file():
        for line in listed.read_text(encoding="utf-8", errors="replace").splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()
