"""The files of a report: JSON, CSV, tables and plots."""

from __future__ import annotations

import csv
import json
import math
from collections.abc import Sequence
from dataclasses import asdict, fields
from pathlib import Path
from typing import Any

from vqzip.files import whole_file, write_whole
from vqzip.measuring.analysis.comparisons import (
    mean_points,
    ranking_metric,
)
from vqzip.measuring.analysis.quality_scale import quality_scale
from vqzip.measuring.measure import RdPoint
from vqzip.measuring.report.lines import rd_lines
from vqzip.measuring.report.page import write_page
from vqzip.measuring.report.rd_plot import rd_plot
from vqzip.measuring.report.report import RdReport, report_tables


def write_report(
    report: RdReport, folder: Path, pictures: Sequence[dict[str, Any]] = ()
) -> tuple[Path, ...]:
    """Write `results.json`, `points.csv`, `tables.md`, `index.html`, and a plot of each metric as PNG and SVG.

    Args:
        report: all results.
        folder: is made if it does not exist.
        pictures: what the page shows of single pictures, from `Gallery.pictures`.

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
    written.append(folder / "index.html")
    write_page(report, pictures, written[-1])
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
    text = json.dumps(finite(plain), indent=1, allow_nan=False, ensure_ascii=False)
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


def finite(value: object) -> object:
    """Return plain data with None for NaN and infinities, which JSON does not have."""
    if isinstance(value, dict):
        return {key: finite(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [finite(item) for item in value]
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value
