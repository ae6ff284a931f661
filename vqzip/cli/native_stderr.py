"""Hides what C libraries print on stderr, so that an error stays one line."""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Iterator

_STDERR = 2


@contextlib.contextmanager
def native_stderr_muted() -> Iterator[None]:
    """Discard what the body writes to file descriptor 2, such as the complaints of libtiff.

    Exceptions pass; their messages are printed after the descriptor is restored.
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
        os.dup2(nowhere, _STDERR)
        yield
    finally:
        os.dup2(kept, _STDERR)
        os.close(kept)
        os.close(nowhere)
