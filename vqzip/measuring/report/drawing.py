"""What all plots share: colors, style, figures without pyplot, and files that are the same each time.

Figures are drawn on matplotlib's Agg canvas without pyplot, so that nothing is global and no
screen is needed.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from vqzip.errors import missing_package
from vqzip.files import whole_file

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

MODEL_COLORS = ("#0b5fa5", "#c8421f", "#00806a", "#8c3d93")
ANCHOR_COLORS = (
    "#7d7d7d",
    "#b3832e",
    "#5c8a3a",
    "#4b93ad",
    "#a8627c",
    "#6d6bb0",
    "#94714f",
    "#3d6b63",
)
INK = "#333333"


def colors(count: int) -> list[str]:
    """Return as many colors as lines are drawn."""
    palette = MODEL_COLORS + ANCHOR_COLORS
    return [palette[i % len(palette)] for i in range(count)]


@contextmanager
def plot_style() -> Iterator[None]:
    """Draw in the style of all plots.

    Raises:
        UsageError: matplotlib is not installed.
    """
    try:
        import matplotlib as mpl
    except ImportError as error:
        raise missing_package("matplotlib", "Drawing a plot") from error
    settings: dict[Any, Any] = {
        "font.size": 10,
        "axes.edgecolor": "#999999",
        "axes.labelcolor": INK,
        "axes.spines.top": False,
        "axes.spines.right": False,
        "axes.grid": True,
        "grid.color": "#e6e6e6",
        "grid.linewidth": 0.8,
        "axes.axisbelow": True,
        "xtick.color": INK,
        "ytick.color": INK,
        "svg.fonttype": "none",  # text stays text
        "svg.hashsalt": "vqzip",  # and the same plot the same file
    }
    with mpl.rc_context(settings):
        yield


def figure_with_axes(size: tuple[float, float], rows: int = 1) -> tuple[Figure, Axes]:
    """Return a figure with `rows` axes below one another, and the first of them."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=size)
    FigureCanvasAgg(figure)
    figure.subplots(max(1, rows), 1, sharex=True)
    return figure, figure.axes[0]


def save_figure(figure: Figure, paths: Sequence[Path]) -> None:
    """Write a figure to files; the suffix decides the format."""
    for path in paths:
        # Without the date, the same numbers give the same file.
        without_date = {"Date": None} if path.suffix.lower() == ".svg" else None
        with whole_file(path) as temporary:
            figure.savefig(temporary, dpi=150, metadata=without_date)
