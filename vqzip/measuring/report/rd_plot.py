"""Quality over rate as a plot."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from vqzip.measuring.report.drawing import (
    ANCHOR_COLORS,
    MODEL_COLORS,
    figure_with_axes,
    plot_style,
    save_figure,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_LABEL_GAP_POINTS = 13.0


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
    with plot_style():
        figure, axes = figure_with_axes((8.0, 5.2))
        ends: list[tuple[str, float, float, str]] = []
        taken = {True: 0, False: 0}
        for line in lines:
            palette = MODEL_COLORS if line.is_model else ANCHOR_COLORS
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
        save_figure(figure, paths)


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
