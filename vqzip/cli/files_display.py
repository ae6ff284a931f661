"""The displays of commands that code many files."""

from __future__ import annotations

import threading
from collections.abc import Callable
from types import TracebackType
from typing import TypeVar

from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    SpinnerColumn,
    TextColumn,
    TimeRemainingColumn,
)
from rich.table import Column

from vqzip.batch.outcomes import Outcome, Totals
from vqzip.cli.console import readable_size, stderr_console

Shown = TypeVar("Shown", bound="_Display")


class _Display:
    """A progress that is shown while the display is entered."""

    _progress: Progress

    def __enter__(self: Shown) -> Shown:
        self._progress.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._progress.stop()


class FilesDisplay(_Display):
    """A progress bar for each codec on a terminal: number of files, last file, time left."""

    def __init__(self) -> None:
        console = stderr_console()
        self._progress = Progress(
            TextColumn("{task.description}", markup=False),
            BarColumn(bar_width=24),
            MofNCompleteColumn(),
            TimeRemainingColumn(),
            TextColumn("{task.fields[last]}", markup=False),
            console=console,
            disable=not console.is_terminal,
        )

    def next(self, name: str) -> Callable[[int, int, str], None]:
        """Start the bar of the next codec and return the function to call after each of its files."""
        task = self._progress.add_task(name, total=None, last="")

        def update(done: int, total: int, what: str) -> None:
            self._progress.update(task, completed=done, total=total, last=what)

        return update


class BytesDisplay(_Display):
    """A line on a terminal: number of files, bytes in and out, ratio, time left.

    Args:
        doing: such as `encoding`.
        files: number of files.
        total_bytes: of all inputs; time left is estimated from bytes.
        quiet: show nothing.
    """

    def __init__(self, doing: str, files: int, total_bytes: int, quiet: bool) -> None:
        console = stderr_console()
        self._doing, self._files = doing, files
        self._totals = Totals()
        self._lock = threading.Lock()
        self._progress = Progress(
            SpinnerColumn("line"),
            TextColumn(
                "{task.description}",
                markup=False,
                table_column=Column(no_wrap=True, overflow="ellipsis"),
            ),
            TextColumn("{task.percentage:>3.0f} %"),
            TimeRemainingColumn(compact=True),
            TextColumn("left"),
            console=console,
            transient=True,
            disable=quiet or not console.is_terminal,
        )
        self._task = self._progress.add_task(self._text(), total=max(1, total_bytes))

    def add(self, outcome: Outcome) -> None:
        """Count a file that is finished; called from any thread."""
        with self._lock:
            self._totals.add(outcome)
            self._progress.update(
                self._task, completed=self._totals.tried_bytes, description=self._text()
            )

    def _text(self) -> str:
        totals = self._totals
        done = totals.done + totals.failed
        failed = f", {totals.failed} bad" if totals.failed else ""
        sizes = f"{readable_size(totals.bytes_in)} -> {readable_size(totals.bytes_out)}"
        return f"{self._doing} {done}/{self._files}{failed}: {sizes} ({totals.ratio})"
