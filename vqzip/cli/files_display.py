"""The display of commands that code many files."""

from __future__ import annotations

from collections.abc import Callable
from types import TracebackType

from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from vqzip.cli.console import stderr_console


class FilesDisplay:
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

    def __enter__(self) -> FilesDisplay:
        self._progress.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._progress.stop()

    def next(self, name: str) -> Callable[[int, int, str], None]:
        """Start the bar of the next codec and return the function to call after each of its files."""
        task = self._progress.add_task(name, total=None, last="")

        def update(done: int, total: int, what: str) -> None:
            self._progress.update(task, completed=done, total=total, last=what)

        return update
