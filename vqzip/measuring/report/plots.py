"""Plots as PNG or SVG: quality over rate, and the curves of a training run.

Figures are drawn on matplotlib's Agg canvas without pyplot, so that nothing is global and no
screen is needed.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from vqzip.extras import missing_package
from vqzip.files import whole_file

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_MODEL_COLORS = ("#0b5fa5", "#c8421f", "#00806a", "#8c3d93")
_ANCHOR_COLORS = (
    "#7d7d7d",
    "#b3832e",
    "#5c8a3a",
    "#4b93ad",
    "#a8627c",
    "#6d6bb0",
    "#94714f",
    "#3d6b63",
)
_INK = "#333333"
_LABEL_GAP_POINTS = 13.0

_PANELS = (
    ("loss", ("loss", "distortion", "mse")),
    ("rate", ("bpp", "bits", "nll")),
    ("PSNR, dB", ("psnr",)),
    ("perplexity", ("perplexity", "usage")),
)
"""Panels of a training curve: title, and what the names of its metrics contain."""


@dataclass(frozen=True)
class RdLine:
    """One codec's curve in a plot of quality over rate, or its only point."""

    label: str
    rate_bpp: tuple[float, ...]
    quality: tuple[float, ...]
    is_model: bool


def rd_plot(lines: Sequence[RdLine], quality_label: str, paths: Sequence[Path]) -> None:
    """Draw quality over bits per pixel, curves labeled at their ends, single points beside them.

    Args:
        lines: models are drawn strong, anchors quiet.
        quality_label: of the vertical axis.
        paths: files to write; the suffix decides the format.

    Raises:
        UsageError: matplotlib is not installed.
    """
    with _style():
        figure, axes = _figure_with_axes((8.0, 5.2))
        ends: list[tuple[str, float, float, str]] = []
        taken = {True: 0, False: 0}
        for line in lines:
            palette = _MODEL_COLORS if line.is_model else _ANCHOR_COLORS
            color = palette[taken[line.is_model] % len(palette)]
            taken[line.is_model] += 1
            points = sorted(
                (r, q) for r, q in zip(line.rate_bpp, line.quality, strict=True) if math.isfinite(q)
            )
            if not points:
                continue
            if len(points) == 1:
                _draw_point(axes, line.label, *points[0], color)
                continue
            axes.plot(
                [rate for rate, _ in points],
                [quality for _, quality in points],
                color=color,
                linewidth=2.4 if line.is_model else 1.3,
                marker="o",
                markersize=5.0 if line.is_model else 2.8,
                zorder=3 if line.is_model else 2,
            )
            ends.append((line.label, *points[-1], color))
        _rate_axis(axes, [rate for line in lines for rate in line.rate_bpp])
        axes.set_ylabel(quality_label)
        figure.subplots_adjust(left=0.09, right=0.74, bottom=0.12, top=0.96)
        _label_ends(figure, axes, ends)
        _save(figure, paths)


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
    with _style():
        figure, first = _figure_with_axes((7.5, 2.3 * max(1, len(panels)) + 0.6), len(panels))
        for axes, (title, names) in zip(first.figure.axes, panels, strict=False):
            for name, color in zip(names, _colors(len(names)), strict=True):
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
                    color=_INK,
                )
                # The name of a last, short phase may stand beyond the axes; they need not make room.
                label.set_in_layout(False)
        if not panels:
            first.text(0.5, 0.5, "nothing logged yet", ha="center", transform=first.transAxes)
        first.figure.axes[-1].set_xlabel("step")
        figure.tight_layout()
        _save(figure, (path,))


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


def _colors(count: int) -> list[str]:
    palette = _MODEL_COLORS + _ANCHOR_COLORS
    return [palette[i % len(palette)] for i in range(count)]


@contextmanager
def _style() -> Iterator[None]:
    try:
        import matplotlib as mpl
    except ImportError as error:
        raise missing_package("matplotlib", "Drawing a plot") from error
    settings: dict[Any, Any] = {
        "font.size": 10,
        "axes.edgecolor": "#999999",
        "axes.labelcolor": _INK,
        "axes.spines.top": False,
        "axes.spines.right": False,
        "axes.grid": True,
        "grid.color": "#e6e6e6",
        "grid.linewidth": 0.8,
        "axes.axisbelow": True,
        "xtick.color": _INK,
        "ytick.color": _INK,
        "svg.fonttype": "none",  # text stays text
        "svg.hashsalt": "vqzip",  # and the same plot the same file
    }
    with mpl.rc_context(settings):
        yield


def _figure_with_axes(size: tuple[float, float], rows: int = 1) -> tuple[Figure, Axes]:
    """Return a figure with `rows` axes below one another, and the first of them."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=size)
    FigureCanvasAgg(figure)
    figure.subplots(max(1, rows), 1, sharex=True)
    return figure, figure.axes[0]


def _rate_axis(axes: Axes, rates: Sequence[float]) -> None:
    from matplotlib.ticker import FixedLocator, FuncFormatter, NullLocator

    axes.set_xscale("log")
    if rates:
        low, high = min(rates) / 1.12, max(rates) * 1.12
        axes.set_xlim(low, high)
        ticks = [d * 10.0**e for e in range(-4, 3) for d in (1, 2, 5) if low <= d * 10.0**e <= high]
        axes.xaxis.set_major_locator(FixedLocator(ticks))
    axes.xaxis.set_minor_locator(NullLocator())
    axes.xaxis.set_major_formatter(FuncFormatter(lambda rate, _: f"{rate:g}"))
    axes.set_xlabel("bits per pixel (file size)")


def _draw_point(axes: Axes, label: str, rate: float, quality: float, color: str) -> None:
    """Draw a diamond with its label at its right, over curves that pass there."""
    axes.plot([rate], [quality], color=color, marker="D", markersize=6.5, zorder=4)
    axes.annotate(
        label,
        (rate, quality),
        xytext=(8, 0),
        textcoords="offset points",
        color=color,
        va="center",
        fontsize=9.5,
        bbox={"facecolor": "white", "edgecolor": "none", "alpha": 0.75, "pad": 1},
        zorder=4,
    )


def _label_ends(figure: Figure, axes: Axes, ends: Sequence[tuple[str, float, float, str]]) -> None:
    """Write the labels in a column at the right, kept apart, each tied to its curve's end."""
    figure.canvas.draw()  # fixes the limits, on which the positions below depend
    height = axes.get_window_extent().height
    gap = _LABEL_GAP_POINTS * figure.dpi / 72 / height
    wanted = sorted(
        (float(axes.transAxes.inverted().transform(axes.transData.transform((x, y)))[1]), i)
        for i, (_, x, y, _) in enumerate(ends)
    )
    for place, (_, i) in zip(_apart([y for y, _ in wanted], gap), wanted, strict=True):
        label, rate, quality, color = ends[i]
        axes.annotate(
            label,
            (rate, quality),
            xytext=(1.03, place),
            textcoords="axes fraction",
            color=color,
            va="center",
            fontsize=9.5,
            annotation_clip=False,
            arrowprops={
                "arrowstyle": "-",
                "color": color,
                "linewidth": 0.6,
                "alpha": 0.5,
                "relpos": (0, 0.5),
            },
        )


def _apart(places: Sequence[float], gap: float) -> list[float]:
    """Move sorted places so that neighbors are `gap` apart, keeping each cluster's center."""
    clusters: list[tuple[float, int]] = []  # center, members
    for place in places:
        clusters.append((place, 1))
        while len(clusters) > 1:
            (low, n), (high, m) = clusters[-2:]
            if high - (m - 1) / 2 * gap - (low + (n - 1) / 2 * gap) >= gap:
                break
            clusters[-2:] = [((low * n + high * m) / (n + m), n + m)]
    return [center + (k - (n - 1) / 2) * gap for center, n in clusters for k in range(n)]


def _save(figure: Figure, paths: Sequence[Path]) -> None:
    for path in paths:
        # Without the date, the same numbers give the same file.
        without_date = {"Date": None} if path.suffix.lower() == ".svg" else None
        with whole_file(path) as temporary:
            figure.savefig(temporary, dpi=150, metadata=without_date)
