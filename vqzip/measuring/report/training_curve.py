"""The curves of a training run as a plot."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from vqzip.measuring.report.drawing import INK, colors, figure_with_axes, plot_style, save_figure

_PANELS = (
    ("loss", ("loss",)),
    ("distortion", ("distortion", "mse")),
    ("rate", ("bpp", "bits", "nll")),
    ("PSNR, dB", ("psnr",)),
    ("perplexity", ("perplexity", "usage")),
)
"""Panels of a training curve: title, and what the names of its metrics contain."""


def training_curve(rows: Sequence[Mapping[str, Any]], path: Path) -> None:
    """Draw loss, rate, PSNR and perplexity over the steps of a run.

    Args:
        rows: of the run's log; `step` is needed, `phase` marks where a new phase starts counting
            from zero, and of the metrics those are drawn that are there.
        path: file to write; the suffix decides the format.

    Raises:
        UsageError: matplotlib is not installed.
    """
    series, starts = _series(rows)
    panels = [(title, _matching(series, words)) for title, words in _PANELS]
    panels = [(title, names) for title, names in panels if names]
    with plot_style():
        figure, first = figure_with_axes((7.5, 2.3 * max(1, len(panels)) + 0.6), len(panels))
        for axes, (title, names) in zip(first.figure.axes, panels, strict=False):
            for name, color in zip(names, colors(len(names)), strict=True):
                steps, values = series[name]
                axes.plot(steps, values, color=color, linewidth=1.4, label=name)
            axes.set_ylabel(title)
            shown = [v for name in names for v in series[name][1] if not math.isnan(v)]
            if min(shown) > 0 and max(shown) > 30 * min(shown):
                axes.set_yscale("log")
            for _, start in starts[1:]:
                axes.axvline(start, color="#bbbbbb", linewidth=0.8, linestyle=(0, (3, 3)))
            axes.legend(frameon=False, fontsize=8, loc="best", ncols=2)
        for phase, start in starts:
            if phase and len(starts) > 1:
                label = first.annotate(
                    phase,
                    (start, 1.0),
                    xycoords=("data", "axes fraction"),
                    xytext=(3, 3),
                    textcoords="offset points",
                    fontsize=8,
                    color=INK,
                )
                # The name of a last, short phase may stand beyond the axes; they need not make room.
                label.set_in_layout(False)
        if not panels:
            first.text(0.5, 0.5, "nothing logged yet", ha="center", transform=first.transAxes)
        first.figure.axes[-1].set_xlabel("step")
        figure.tight_layout()
        save_figure(figure, (path,))


def _series(
    rows: Sequence[Mapping[str, Any]],
) -> tuple[dict[str, tuple[list[float], list[float]]], list[tuple[str, float]]]:
    """Return (steps, values) of each metric, and (name, first step) of each phase.

    Steps of a later phase are counted on from the last step of the one before, with a NaN between.
    """
    series: dict[str, tuple[list[float], list[float]]] = {}
    starts: list[tuple[str, float]] = []
    before = last = 0.0
    for row in rows:
        step = _number(row.get("step"))
        if step is None:
            continue
        phase = str(row.get("phase", ""))
        if not starts or phase != starts[-1][0]:
            before = last
            starts.append((phase, before))
            for steps, values in series.values():  # lines break where another phase begins
                steps.append(before)
                values.append(math.nan)
        last = before + step
        for name, value in row.items():
            found = _number(value)
            if found is not None:
                steps, values = series.setdefault(name, ([], []))
                steps.append(last)
                values.append(found)
    return series, starts


def _number(value: object) -> float | None:
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not math.isfinite(value):
        return None
    return float(value)


def _matching(series: Mapping[str, object], words: Sequence[str]) -> list[str]:
    """Return the metrics for a panel that no earlier panel shows."""
    earlier: list[str] = []
    for _, other in _PANELS:
        if other == words:
            break
        earlier.extend(other)
    return [
        name
        for name in series
        if any(word in name.lower() for word in words)
        and not any(word in name.lower() for word in earlier)
    ]
