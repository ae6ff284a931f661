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
from vqzip.measuring.analysis.bd_rate import MIDDLE_RANGE_DB
from vqzip.measuring.analysis.comparisons import (
    Comparison,
    compare,
    mean_curve,
    mean_points,
    picture_curves,
)
from vqzip.measuring.analysis.picture_wins import extremes_table, smaller_table, standings
from vqzip.measuring.analysis.quality_scale import quality_scale, scale_table
from vqzip.measuring.analysis.single_points import (
    EqualQuality,
    at_equal_quality,
    single_points_table,
)
from vqzip.measuring.rd_curve import Measurement, RdPoint
from vqzip.measuring.report.plots import RdLine, rd_plot
from vqzip.measuring.report.result_tables import (
    bd_rate_table,
    order0_table,
    overhead_table,
    rate_table,
)
from vqzip.measuring.report.tables import Table
from vqzip.metrics import METRIC_TITLES, Metric

_PACKAGES = ("constriction", "numpy", "pillow", "pytorch-msssim", "scipy", "torch")


@dataclass(frozen=True)
class RdReport:
    """All that `vqzip rd-curve` found.

    Args:
        models: measurements of vqzip's models.
        anchors: measurements of other codecs.
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
) -> RdReport:
    """Compare measurements with one another.

    Args:
        models: of vqzip.
        anchors: the first is the reference of the other anchors (JPEG, as a rule).
        command: the command line; None for that of this process.

    Raises:
        UsageError: SciPy is not installed.
    """
    curves = [model for model in models if model.has_curve]
    pairs = [(model, anchor) for model in curves for anchor in anchors]
    pairs += [(anchor, anchors[0]) for anchor in anchors[1:]]
    ranges: tuple[tuple[Metric, tuple[float, float] | None], ...] = (
        ("psnr", None),
        ("psnr", MIDDLE_RANGE_DB),
        ("ms_ssim", None),
    )
    return RdReport(
        models=tuple(models),
        anchors=tuple(anchors),
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
            for metric in METRIC_TITLES
        ),
        command=tuple(sys.argv if command is None else command),
        versions=_versions(),
        machine=_machine(),
    )


def write_report(report: RdReport, folder: Path) -> tuple[Path, ...]:
    """Write `results.json`, `points.csv`, `tables.md`, and plots of PSNR and MS-SSIM as PNG and SVG.

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
    labels: dict[Metric, str] = {"psnr": "PSNR, dB", "ms_ssim": "MS-SSIM, dB: -10 log₁₀(1 - x)"}
    for metric, label in labels.items():
        lines = rd_lines(report, metric)
        if lines:
            paths = (folder / f"{metric}.png", folder / f"{metric}.svg")
            rd_plot(lines, label, paths)
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
            model.label: [asdict(step) for step in quality_scale(model)] for model in report.curves
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
    names = [field.name for field in fields(RdPoint)]
    with (
        whole_file(path) as temporary,
        temporary.open("w", newline="", encoding="utf-8") as file,
    ):
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(names)
        for measurement in report.measurements:
            for point in measurement.points:
                row = asdict(point)
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
                    mean.quality_db,
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
        rate_table(report.measurements),
        bd_rate_table(report.comparisons, report.titles),
        _smaller_table(report),
        *_extremes_tables(report),
        single_points_table(report.single_points, report.equal_quality, report.titles),
        scale_table(report.curves),
        order0_table(report.models),
        overhead_table(report.models),
    )
    return tuple(table for table in tables if table.rows)


def _smaller_table(report: RdReport) -> Table:
    models = {model.label for model in report.curves}
    return smaller_table(
        [item for item in report.comparisons if item.codec in models and item.limits_db is None],
        report.titles,
    )


def _extremes_tables(report: RdReport) -> tuple[Table, ...]:
    """Return one table, or none where there is no anchor to stand against."""
    if not report.anchors:
        return ()
    anchors = [anchor.label for anchor in report.anchors]
    ranked = [
        standings(model.label, anchors, model.own_metric, report.comparisons)
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


def _versions() -> dict[str, str]:
    found = {"vqzip": vqzip.__version__, "python": platform.python_version()}
    return found | {package: _version(package) for package in _PACKAGES}


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
