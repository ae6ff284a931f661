"""What all commands share: messages, progress, `-` for stdin and stdout, checks of outputs."""

from __future__ import annotations

import contextlib
import os
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from vqzip.errors import PictureError, UsageError
from vqzip.files import is_special, shown_name

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Column

Progress = Callable[[float], None]
"""Is called with the share of the work that is done, 0 to 1."""

STREAM = Path("-")
"""Means stdin as an input and stdout as an output."""

PATIENCE_SECONDS = 2.0
"""Shorter work shows no progress."""


def stderr_console() -> Console:
    """Return a console on stderr, so that messages never mix with data on stdout."""
    from rich.console import Console

    return Console(stderr=True, highlight=False, markup=False, emoji=False, soft_wrap=True)


def stdout_console() -> Console:
    """Return a console on stdout, for results; tables keep their full width in a pipe."""
    from rich.console import Console

    console = Console(highlight=False, markup=False, emoji=False)
    if console.is_terminal:
        return console
    return Console(highlight=False, markup=False, emoji=False, width=160)


def print_error(message: str) -> None:
    """Print one line on stderr, whatever line breaks `message` has."""
    print_note(f"vqzip: {' '.join(message.split())}")


def print_note(message: str) -> None:
    """Print one line about what was done, on stderr; nothing where there is none."""
    # Without a file, `print` takes stdout, where data may go.
    if sys.stderr is not None:
        print(shown_name(message), file=sys.stderr)


def print_result(text: str) -> None:
    """Print the result of the command on stdout."""
    print(text)


@contextlib.contextmanager
def waiting(what: str, *, quiet: bool = False) -> Iterator[Progress]:
    """On a terminal, show `what`, percent and seconds once the body runs for more than two seconds.

    Yields:
        A function to call with the share of the work that is done.
    """
    if quiet or not sys.stderr.isatty():
        yield lambda _: None
        return
    from rich.progress import BarColumn, TaskProgressColumn, TextColumn, TimeElapsedColumn
    from rich.progress import Progress as Bar

    bar = Bar(
        TextColumn("{task.description}", markup=False, table_column=_one_line()),
        BarColumn(bar_width=20),
        TaskProgressColumn(),
        TimeElapsedColumn(),
        console=stderr_console(),
        transient=True,
    )
    task = bar.add_task(shown_name(what), total=None)
    timer = threading.Timer(PATIENCE_SECONDS, bar.start)
    timer.daemon = True
    timer.start()
    try:
        yield lambda share: bar.update(task, total=1.0, completed=share)
    finally:
        timer.cancel()
        timer.join()
        bar.stop()


def _one_line() -> Column:
    from rich.table import Column

    return Column(no_wrap=True, overflow="ellipsis", ratio=1)


def read_source(source: Path) -> Path | bytes:
    """Return the path, or the content of stdin for `-`.

    Raises:
        UsageError: stdin is a terminal.
    """
    if source != STREAM:
        return source
    if sys.stdin.isatty():
        raise UsageError("`-` reads from stdin, which is a terminal; name a file or use a pipe.")
    return sys.stdin.buffer.read()


def read_source_bytes(source: Path) -> bytes:
    """Return the content of a file, or of stdin for `-`."""
    content = read_source(source)
    return content if isinstance(content, bytes) else content.read_bytes()


def output_beside(source: Path, suffix: str) -> Path:
    """Return the default output: beside `source` with another suffix, stdout for stdin.

    Raises:
        UsageError: there is no place beside a pipe.
    """
    if source == STREAM:
        return STREAM
    if is_special(source):
        raise UsageError(f"{source} is no regular file; name an output with -o (- for stdout).")
    return source.with_suffix(suffix)


def check_output(output: Path, *, source: Path, force: bool) -> None:
    """Refuse an output that could not be written, before minutes of work.

    Raises:
        UsageError: the output is the input itself, or data would go to a terminal.
        PictureError: the output already exists, or its folder cannot be written to.
    """
    if output == STREAM:
        if sys.stdout.isatty():
            raise UsageError(
                "a terminal cannot show binary data; name an output with -o or use a pipe."
            )
        return
    if is_special(output):
        return
    if output.is_dir():
        raise PictureError(f"{output} is a folder; name a file with -o.")
    if output.is_file():
        if source.is_file() and output.samefile(source):
            raise UsageError(f"{output} is the input; name another output with -o.")
        if not force:
            raise PictureError(f"{output} already exists; use --force to overwrite it.")
    if not output.parent.is_dir():
        raise PictureError(f"there is no folder {output.parent}; create it or name another output.")
    if not os.access(output.parent, os.W_OK):
        raise PictureError(f"{output.parent} cannot be written to; name another output with -o.")


def write_stdout(data: bytes) -> None:
    """Write binary data to stdout."""
    sys.stdout.buffer.write(data)
    sys.stdout.buffer.flush()


def readable_size(size_bytes: int) -> str:
    """Return a number of bytes with a unit."""
    if size_bytes < 10_000:
        return f"{size_bytes} bytes"
    if size_bytes < 10_000_000:
        return f"{size_bytes / 1e3:.1f} kB"
    return f"{size_bytes / 1e6:.1f} MB"


def readable_time(seconds: float) -> str:
    """Return a duration as seconds, or as minutes and hours with colons."""
    if seconds < 60:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02d}:{rest:02d}" if hours else f"{minutes}:{rest:02d} min"
