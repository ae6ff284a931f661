"""What C libraries print on their own: kept off the screen, where one line says what is wrong."""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Iterator

_STDERR = 2


@contextlib.contextmanager
def native_stderr_muted() -> Iterator[None]:
    """Throw away what is written to file descriptor 2 in the body, as libtiff does with complaints.

    Exceptions pass; what they say is printed after the descriptor is back.
    """
    sys.stderr.flush()
    try:
        kept = os.dup(_STDERR)
    except OSError:
        # It is closed: there is nothing to mute.
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
