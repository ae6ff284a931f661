"""The display of `vqzip train`: a bar for each phase on a terminal, plain lines elsewhere."""

from __future__ import annotations

import sys
import time
from types import TracebackType
from typing import TYPE_CHECKING

from rich.console import Group
from rich.live import Live
from rich.table import Table
from rich.text import Text

from vqzip.cli.console import stderr_console

if TYPE_CHECKING:
    from vqzip.training.progress import Progress

COLUMNS = 80
BAR = 12
LINE_SECONDS = 30.0
"""Time between two lines where there is no terminal."""

SHORT = {"code_length_bpp": "bpp", "psnr_db": "PSNR", "distortion": "error"}
"""Names of metrics that would not fit a line."""


def line(progress: Progress, *, bar: bool) -> str:
    """Return the line of a phase: its name, a bar, time left, and the two figures that matter."""
    filled = round(BAR * min(max(progress.fraction, 0.0), 1.0))
    drawn = f"{'━' * filled}{'╌' * (BAR - filled)} " if bar else ""
    left = readable_seconds(progress.seconds_left)
    figures = [
        f"{SHORT.get(name, name)} {progress.metrics[name]:.4g}"
        for name in progress.figures
        if name in progress.metrics
    ]
    parts = [f"{progress.phase:<10} {drawn}{100 * progress.fraction:3.0f} %", f"{left} left"]
    return "  ".join([*parts, *figures])[:COLUMNS]


def others(progress: Progress) -> Table:
    """Return a table of the speed and of the metrics that the line does not show."""
    table = Table.grid(padding=(0, 2))
    shown = {"step": progress.step, "steps/s": progress.steps_per_second}
    shown |= {k: v for k, v in progress.metrics.items() if k not in progress.figures}
    cells = [Text(f"{name} {value:.4g}") for name, value in shown.items()]
    for start in range(0, len(cells), 3):
        table.add_row(*cells[start : start + 3])
    return table


class TrainingDisplay:
    """Shows the progress of all phases."""

    def __init__(self) -> None:
        self._console = stderr_console()
        self._live = Live(console=self._console, auto_refresh=False, transient=False)
        self._lines: dict[str, str] = {}
        self._printed = 0.0

    def __enter__(self) -> TrainingDisplay:
        """Begin."""
        if self._console.is_terminal:
            self._live.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """End."""
        self._live.stop()

    def update(self, progress: Progress) -> None:
        """Show the progress of a phase."""
        if self._console.is_terminal:
            self._lines[progress.phase] = line(progress, bar=True)
            known = [Text(each, no_wrap=True) for each in self._lines.values()]
            self._live.update(Group(*known, others(progress)), refresh=True)
            return
        changed = progress.phase not in self._lines or progress.fraction >= 1
        if changed or time.monotonic() - self._printed > LINE_SECONDS:
            self._lines[progress.phase] = text = line(progress, bar=False)
            self._printed = time.monotonic()
            if sys.stderr is not None:
                print(text, file=sys.stderr, flush=True)


def readable_seconds(seconds: float) -> str:
    """Return hours, minutes and seconds, such as 1:05:00."""
    minutes, rest = divmod(round(max(seconds, 0)), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"
