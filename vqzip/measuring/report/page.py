"""The page of a report: one file with curves, tables and pictures, which needs no network."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from vqzip.files import write_whole
from vqzip.measuring.metrics.metric import Metric
from vqzip.measuring.report.lines import rd_lines
from vqzip.measuring.report.report import RdReport, report_tables
from vqzip.web.server import PAGE

REPORT = PAGE / "report"
STYLES = (REPORT / "uPlot.min.css", PAGE / "compare.css", REPORT / "report.css")
SCRIPTS = (PAGE / "compare.js", PAGE / "heat.js", REPORT / "report.js")
"""Modules, each after those that it imports."""

PLOTTING = REPORT / "uPlot.iife.min.js"


def write_page(report: RdReport, pictures: Sequence[dict[str, Any]], path: Path) -> None:
    """Write the page.

    Args:
        report: all results.
        pictures: from `Gallery.pictures`.
        path: of the file.
    """
    parts = {
        "styles": "".join(file.read_text("utf-8") for file in STYLES),
        "plotting": PLOTTING.read_text("utf-8"),
        "scripts": "".join(_without_imports(file.read_text("utf-8")) for file in SCRIPTS),
        "data": _embedded(_data(report, pictures)),
    }
    template = (REPORT / "template.html").read_text("utf-8")
    page = re.sub(r"\{(\w+)\}", lambda part: parts[part[1]], template)
    write_whole(path, page.encode("utf-8"))


def _data(report: RdReport, pictures: Sequence[dict[str, Any]]) -> dict[str, Any]:
    machine = ", ".join(f"{name} {value}" for name, value in report.machine.items())
    pixels = {point.picture for codec in report.measurements for point in codec.points}
    return {
        "facts": f"{' '.join(report.command)} ({len(pixels)} pictures; vqzip {report.versions['vqzip']}; {machine})",
        "curves": [
            curve for metric in report.metrics if (curve := _curve(report, metric))["lines"]
        ],
        "tables": [
            {"title": table.title, "header": table.header, "rows": table.rows}
            for table in report_tables(report)
        ],
        "pictures": list(pictures),
    }


def _curve(report: RdReport, metric: Metric) -> dict[str, Any]:
    """Return the curves of one metric; points that are no finite number are left out."""
    lines = []
    for line in rd_lines(report, metric):
        pairs = zip(line.rate_bpp, line.quality, strict=True)
        points = sorted((x, y) for x, y in pairs if math.isfinite(x) and math.isfinite(y))
        if points:
            xs, ys = zip(*points, strict=True)
            lines.append({"label": line.label, "is_model": line.is_model, "x": xs, "y": ys})
    return {"title": metric.title, "axis": metric.axis, "digits": metric.digits, "lines": lines}


def _embedded(data: dict[str, Any]) -> str:
    """Return JSON that may stand inside a page: no text in it ends the element."""
    return json.dumps(data, allow_nan=False).replace("<", "\\u003c")


def _without_imports(script: str) -> str:
    """Return a module that stands behind those that it imports."""
    script = re.sub(r"^import [^;]*;\n", "", script, flags=re.MULTILINE)
    return re.sub(r"^export ", "", script, flags=re.MULTILINE)
