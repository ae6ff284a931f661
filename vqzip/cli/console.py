"""What every command needs of the terminal and the file system: lines, progress, `-`, overwriting."""

from __future__ import annotations

import contextlib
import os
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

from rich.console import Console

from vqzip.errors import PictureError, UsageError

STREAM = Path("-")
"""Stands for stdin as an input and for stdout as an output."""

PATIENCE_SECONDS = 2.0
"""Work that takes no longer shows no progress."""


def stderr_console() -> Console:
    """Return a console on stderr: what is said there never mixes with data on stdout."""
    return Console(stderr=True, highlight=False, soft_wrap=True)


def stdout_console() -> Console:
    """Return a console on stdout, for results; tables keep their full width in a pipe."""
    console = Console(highlight=False)
    return console if console.is_terminal else Console(highlight=False, width=160)


def print_error(message: str) -> None:
    """Print one line on stderr, whatever line breaks `message` has."""
    print(f"vqzip: {' '.join(message.split())}", file=sys.stderr)


def print_note(message: str) -> None:
    """Print one line about what was done, on stderr."""
    print(message, file=sys.stderr)


def print_result(text: str) -> None:
    """Print what the command was asked for, on stdout."""
    print(text)


@contextlib.contextmanager
def waiting(what: str) -> Iterator[None]:
    """Show a spinner with `what` once the body runs for over two seconds, on a terminal only."""
    console = stderr_console()
    if not console.is_terminal:
        yield
        return
    status = console.status(what)
    timer = threading.Timer(PATIENCE_SECONDS, status.start)
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        timer.cancel()
        timer.join()
        status.stop()


def read_source(source: Path) -> Path | bytes:
    """Return the path, or what stands on stdin for `-`.

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
    """Return the default output: beside `source` with another suffix, stdout for stdin."""
    return STREAM if source == STREAM else source.with_suffix(suffix)


def check_output(output: Path, *, source: Path, force: bool) -> None:
    """Refuse early what could not be written after minutes of work.

    Raises:
        UsageError: the output is the input itself, or data would go to a terminal.
        PictureError: the output is there already, or its folder cannot be written to.
    """
    if output == STREAM:
        if sys.stdout.isatty():
            raise UsageError(
                "a terminal shows no binary data; name an output with -o or use a pipe."
            )
        return
    if output.is_dir():
        raise PictureError(f"{output} is a folder; name a file with -o.")
    if output.is_file():
        if source.is_file() and output.samefile(source):
            raise UsageError(f"{output} is the input itself; name another output with -o.")
        if not force:
            raise PictureError(f"{output} is there already; --force replaces it.")
    if not output.parent.is_dir():
        raise PictureError(f"there is no folder {output.parent}; make it or name another output.")
    if not os.access(output.parent, os.W_OK):
        raise PictureError(f"{output.parent} cannot be written to; name another output with -o.")


def write_stdout(data: bytes) -> None:
    """Write binary data to stdout."""
    sys.stdout.buffer.write(data)
    sys.stdout.buffer.flush()


def readable_size(size_bytes: int) -> str:
    """Return a number of bytes as people read it."""
    if size_bytes < 10_000:
        return f"{size_bytes} bytes"
    if size_bytes < 10_000_000:
        return f"{size_bytes / 1e3:.1f} kB"
    return f"{size_bytes / 1e6:.1f} MB"
