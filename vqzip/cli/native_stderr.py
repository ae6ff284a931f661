"""Hides what C libraries print on stderr, so that an error stays one line."""

from __future__ import annotations

import contextlib
import io
import os
import sys
from collections.abc import Iterator

_STDERR = 2


@contextlib.contextmanager
def native_stderr_muted() -> Iterator[None]:
    """Discard what the body writes to file descriptor 2, such as the complaints of libtiff.

    What Python prints on `sys.stderr` is shown.
    """
    sys.stderr.flush()
    try:
        kept = os.dup(_STDERR)
    except OSError:
        # It is closed, so there is nothing to discard.
        yield
        return
    nowhere = os.open(os.devnull, os.O_WRONLY)
    try:
        with _stderr_on(kept):
            os.dup2(nowhere, _STDERR)
            yield
    finally:
        os.dup2(kept, _STDERR)
        os.close(kept)
        os.close(nowhere)


@contextlib.contextmanager
def _stderr_on(descriptor: int) -> Iterator[None]:
    """Let `sys.stderr` write to another descriptor, if it writes to descriptor 2."""
    usual = sys.stderr
    try:
        is_usual = usual.fileno() == _STDERR
    except (OSError, ValueError):
        is_usual = False
    if not is_usual or not isinstance(usual, io.TextIOWrapper):
        yield
        return
    encoding = usual.encoding
    with open(
        descriptor, "w", encoding=encoding, errors="backslashreplace", buffering=1, closefd=False
    ) as shown:
        sys.stderr = shown
        try:
            yield
        finally:
            sys.stderr = usual
