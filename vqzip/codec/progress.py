"""How much of the work on a picture is done, for callers that show it."""

from __future__ import annotations

import threading
from collections.abc import Callable

Progress = Callable[[float], None]
"""Called with the share of the work that is done, 0 to 1; from several threads, never less than before."""


class Steps:
    """Counts steps of a known number, finished by several threads.

    Args:
        progress: is called after each step; None for nobody.
        total: number of steps.
        start: share that was done before the first step.
        end: share that is done after the last one.
    """

    def __init__(
        self, progress: Progress | None, total: int, *, start: float = 0.0, end: float = 1.0
    ) -> None:
        self._progress, self._total = progress, total
        self._start, self._span = start, end - start
        self._lock = threading.Lock()
        self._done = 0

    def finish(self) -> None:
        """Count one step."""
        if self._progress is None:
            return
        with self._lock:
            self._done += 1
            self._progress(self._start + self._span * self._done / self._total)


def part_of(progress: Progress | None, start: float, end: float) -> Progress | None:
    """Return what a part of the work reports to, between two shares of the whole."""
    if progress is None:
        return None
    return lambda share: progress(start + (end - start) * share)


class Estimate:
    """Reports on work whose length is estimated.

    Args:
        progress: is called after each part; None for nobody.
        expected: length of the whole work.
    """

    def __init__(self, progress: Progress | None, expected: float) -> None:
        self._progress, self._expected = progress, expected
        self._done = 0.0

    def spend(self, length: float) -> None:
        """Count a part; at least one more of length 1 is expected after it."""
        self._done += length
        if self._progress is not None:
            self._progress(self._done / max(self._expected, self._done + 1))
