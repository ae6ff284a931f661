"""The page of a run, `index.html`: progress, curves and pictures, without a script or a server."""

from __future__ import annotations

import html
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from vqzip.training.progress import Progress

PAGE = "index.html"
RELOAD_SECONDS = 15
WIDTH, HEIGHT = 360, 120
"""Of a plot in pixels."""

STYLE = """
body { font: 15px/1.5 system-ui, sans-serif; margin: 2rem auto; max-width: 76rem; padding: 0 1rem; }
figure { display: inline-block; margin: 0 1rem 1rem 0; vertical-align: top; }
figcaption { color: #555; font-size: 13px; }
img { image-rendering: pixelated; max-width: 100%; min-width: 360px; }
svg { background: #f6f6f6; }
td, th { padding: 0 1rem 0 0; text-align: left; }
"""

HIDDEN = frozenset({"phase", "phase_number", "step", "seconds"})


def page(
    name: str,
    progress: Progress | None,
    rows: Sequence[Mapping[str, Any]],
    figures: Sequence[Mapping[str, Any]],
    pictures: Sequence[str],
) -> str:
    """Return the page.

    Args:
        name: of the model.
        progress: of the phase that runs; None if the run is finished.
        rows: of the log.
        figures: of validation pictures.
        pictures: paths of pictures in the run folder, oldest first.
    """
    reload = "" if progress is None else f'<meta http-equiv="refresh" content="{RELOAD_SECONDS}">'
    return "\n".join(
        [
            f'<!doctype html><html lang="en"><head><meta charset="utf-8">{reload}',
            f"<title>{html.escape(name)}</title><style>{STYLE}</style></head><body>",
            f"<h1>{html.escape(name)}</h1>",
            _state(progress),
            "<h2>Pictures</h2>",
            *(_picture(path) for path in _latest(pictures)),
            "<h2>Validation</h2>",
            *_plots(figures),
            "<h2>Training</h2>",
            *_plots(rows),
            "<h2>Earlier pictures</h2>",
            *(f'<a href="{html.escape(path)}">{html.escape(path)}</a><br>' for path in pictures),
            "</body></html>",
            "",
        ]
    )


def _state(progress: Progress | None) -> str:
    if progress is None:
        return "<p>Finished.</p>"
    cells = "".join(
        f"<tr><th>{html.escape(key)}</th><td>{value:.5g}</td></tr>"
        for key, value in progress.metrics.items()
    )
    return (
        f"<p>Phase {html.escape(progress.phase)}: {100 * progress.fraction:.0f} %, step "
        f"{progress.step}, {progress.steps_per_second:.2f} steps a second, "
        f"{progress.seconds_left / 60:.0f} minutes left.</p><table>{cells}</table>"
    )


def _latest(pictures: Sequence[str]) -> list[str]:
    """Return the last picture of each kind."""
    kinds = {path.rpartition("-")[2]: path for path in pictures}
    return list(kinds.values())


def _picture(path: str) -> str:
    escaped = html.escape(path)
    return (
        f'<figure><img src="{escaped}" alt="{escaped}"><figcaption>{escaped}</figcaption></figure>'
    )


def _plots(rows: Sequence[Mapping[str, Any]]) -> list[str]:
    """Return a plot of every metric of every phase."""
    series: dict[tuple[int, str, str], list[tuple[float, float]]] = {}
    for row in rows:
        for key, value in row.items():
            if key not in HIDDEN and isinstance(value, (int, float)):
                place = int(row["phase_number"]), str(row["phase"]), key
                series.setdefault(place, []).append((float(row["step"]), float(value)))
    return [_plot(f"{phase}: {key}", points) for (_, phase, key), points in series.items()]


def _plot(title: str, points: Sequence[tuple[float, float]]) -> str:
    low, high = min(y for _, y in points), max(y for _, y in points)
    last = max(x for x, _ in points)
    line = " ".join(
        f"{x / max(last, 1) * WIDTH:.1f},{HEIGHT - 4 - (y - low) / ((high - low) or 1) * (HEIGHT - 8):.1f}"
        for x, y in points
    )
    dot = f'<circle cx="{line.split()[-1].split(",")[0]}" cy="{line.split(",")[-1]}" r="3"/>'
    return (
        f'<figure><svg width="{WIDTH}" height="{HEIGHT}"><polyline points="{line}" fill="none" '
        f'stroke="#1f6feb" stroke-width="1.5"/>{dot}</svg><figcaption>{html.escape(title)}: '
        f"{points[-1][1]:.5g} (from {low:.5g} to {high:.5g})</figcaption></figure>"
    )
