"""Runs work on many files with several threads, in order, and stops at once without half-written files.

Threads, not processes: more than 90 % of the time is spent in code that releases the GIL, and so there is one
model in memory, loaded once.
"""

from __future__ import annotations

import errno
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Protocol

from vqzip.batch.names import Task
from vqzip.batch.outcomes import Outcome
from vqzip.errors import UsageError, VqzipError

MOST_PIXELS_AT_ONCE = 1 << 26
"""Pictures that are worked on at once have no more pixels in all, unless there is only one."""

THREADS = "vqzip-job"
"""Name of the threads."""

_NO_PLACE = {errno.ENOSPC, errno.EROFS, getattr(errno, "EDQUOT", errno.ENOSPC)}
_LOOK_AROUND_SECONDS = 0.5


class Work(Protocol):
    """What is done to each file."""

    def __call__(self, task: Task) -> Outcome:
        """Work on a file and return what came of it."""


class Stopped(Exception):
    """The call has ended; nothing is written any more."""


class Crew:
    """Threads that work on the files of a call.

    Args:
        jobs: number of files that are worked on at once.
        fail_fast: start no further file after one failed.
        most_pixels: limit for `room`.
    """

    def __init__(
        self, jobs: int, *, fail_fast: bool = False, most_pixels: int = MOST_PIXELS_AT_ONCE
    ) -> None:
        self._jobs, self._fail_fast = jobs, fail_fast
        self._changed = threading.Condition()
        self._most_pixels, self._pixels = most_pixels, 0
        self._writing = 0
        self._stopped = False
        self._ended = False

    @contextmanager
    def room(self, pixels: int) -> Iterator[None]:
        """Wait until there is room for a picture of so many pixels, and keep it for the body."""
        with self._changed:
            while self._pixels and self._pixels + pixels > self._most_pixels:
                self._changed.wait(_LOOK_AROUND_SECONDS)
            self._pixels += pixels
        try:
            yield
        finally:
            with self._changed:
                self._pixels -= pixels
                self._changed.notify_all()

    @contextmanager
    def may_write(self) -> Iterator[None]:
        """Let the body write; `run` does not end before it has finished.

        Raises:
            Stopped: the call was interrupted.
        """
        with self._changed:
            if self._ended:
                raise Stopped
            self._writing += 1
        try:
            yield
        finally:
            with self._changed:
                self._writing -= 1
                self._changed.notify_all()

    def run(
        self,
        tasks: Sequence[Task],
        work: Work,
        finished: Callable[[Outcome], None] = lambda _: None,
    ) -> Iterator[Outcome]:
        """Yield what comes of every file, in the order of the files.

        An error of one file is an outcome. An exception that ends the iteration, such as Ctrl-C, ends the
        call: files in progress are given up, and nothing is left half-written.

        Args:
            tasks: the files.
            work: is called with each.
            finished: is called as soon as a file is finished, from any thread.

        Raises:
            UsageError: the settings do not suit the model, so every file would fail.
            OSError: there is no place to write to.
        """
        results: dict[int, Outcome | BaseException] = {}
        waiting = iter(range(len(tasks)))
        started: set[int] = set()

        def take() -> int | None:
            with self._changed:
                number = None if self._stopped else next(waiting, None)
                if number is not None:
                    started.add(number)
                return number

        def labor() -> None:
            while (number := take()) is not None:
                result = attempt(tasks[number], work)
                failed = not isinstance(result, Outcome) or result.status == "failed"
                if isinstance(result, Outcome):
                    finished(result)
                with self._changed:
                    results[number] = result
                    if failed and (self._fail_fast or isinstance(result, BaseException)):
                        self._stopped = True
                    self._changed.notify_all()

        try:
            for number in range(min(self._jobs, len(tasks))):
                # Daemons, because a process that is interrupted must not wait for them.
                threading.Thread(target=labor, name=f"{THREADS}-{number}", daemon=True).start()
            for number in range(len(tasks)):
                result = self._result(number, results, started)
                if result is None:
                    return
                if isinstance(result, BaseException):
                    raise result
                yield result
        finally:
            self._end()

    def _result(
        self,
        number: int,
        results: dict[int, Outcome | BaseException],
        started: set[int],
    ) -> Outcome | BaseException | None:
        """Wait for the result of a file; None if it will not be worked on."""
        with self._changed:
            while number not in results:
                if self._stopped and number not in started:
                    return None
                # Waiting without an end would not notice Ctrl-C on some systems.
                self._changed.wait(_LOOK_AROUND_SECONDS)
            return results.pop(number)

    def _end(self) -> None:
        with self._changed:
            self._stopped = self._ended = True
            while self._writing:
                self._changed.wait(_LOOK_AROUND_SECONDS)


def attempt(task: Task, work: Work) -> Outcome | BaseException:
    """Return what comes of a file, or the error for which no other file needs to be tried."""
    started = time.perf_counter()
    try:
        return work(task)
    except (UsageError, Stopped) as error:
        return error
    except (VqzipError, OSError) as error:
        if _number(error) in _NO_PLACE:
            return error
        return _failed(task, started, describe(error))
    except MemoryError:
        return _failed(task, started, "there is not enough memory for this picture.")
    except Exception as error:  # noqa: BLE001  the other files are no worse for it
        return _failed(
            task, started, f"unexpected {type(error).__name__}: {error} (a bug in vqzip)."
        )


def describe(error: VqzipError | OSError) -> str:
    """Return one sentence for an error of a file."""
    if isinstance(error, VqzipError):
        return str(error)
    if isinstance(error, FileNotFoundError):
        return "there is no such file; check the path."
    reason = error.strerror or str(error) or type(error).__name__
    return f"{reason[:1].lower()}{reason[1:]}."


def _number(error: BaseException) -> int | None:
    """Return the number of the system's error behind an error."""
    while error.__cause__ is not None:
        error = error.__cause__
    return error.errno if isinstance(error, OSError) else None


def _failed(task: Task, started: float, error: str) -> Outcome:
    try:
        bytes_in = task.source.stat().st_size
    except OSError:
        bytes_in = 0
    seconds = time.perf_counter() - started
    return Outcome(task, "failed", bytes_in=bytes_in, seconds=seconds, error=error)
