"""Work that is shared by as many threads as the process may use.

Threads wait for work asleep; none spins. The thread that brings the work does its part of it, so work that
is shared within shared work never waits for a thread that is not there.
"""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from vqzip.errors import UsageError

SWITCH = "VQZIP_THREADS"
"""Environment variable: how many threads to use, instead of one for each core."""

Item = TypeVar("Item")

_pool: ThreadPoolExecutor | None = None


def thread_count() -> int:
    """Return how many threads share work: as many as cores that the process may use.

    Raises:
        UsageError: `VQZIP_THREADS` is no positive number.
    """
    if wanted := os.environ.get(SWITCH):
        if not wanted.isdecimal() or int(wanted) < 1:
            raise UsageError(f"{SWITCH} must be a number from 1 up, got '{wanted}'.")
        return int(wanted)
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def share(
    work: Callable[[Item], object], items: Sequence[Item], *, threads: int | None = None
) -> None:
    """Do work on every item.

    Args:
        work: releases Python's lock, as calls through ctypes do; must not depend on the order.
        items: what is worked on; work begins with the first.
        threads: at most so many, instead of `thread_count`.

    Raises:
        Exception: what `work` raised, for the first of the items that it failed on; others may be left.
    """
    left = deque(enumerate(items))
    helpers = min(thread_count() if threads is None else threads, len(items)) - 1
    errors: dict[int, BaseException] = {}

    def help_out() -> None:
        while left and not errors:
            try:
                number, item = left.popleft()
            except IndexError:  # another thread was faster
                return
            try:
                work(item)
            except BaseException as error:  # noqa: BLE001  handed to the thread that waits
                errors[number] = error

    futures = [_threads().submit(help_out) for _ in range(helpers)]
    help_out()
    for future in futures:
        if not future.cancel():
            future.result()
    if errors:
        raise errors[min(errors)]


def _threads() -> ThreadPoolExecutor:
    global _pool
    if _pool is None:
        _pool = ThreadPoolExecutor(max(1, (os.cpu_count() or 1) - 1), "vqzip")
    return _pool


def _forget() -> None:
    """Begin anew in a process that was forked: its threads are not there."""
    global _pool
    _pool = None


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget)
