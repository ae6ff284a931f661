"""Work that is shared by as many threads as the process may use.

Idle threads sleep. The calling thread works too, so nested shared work never waits for a free thread.
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
    """Return how many threads share work: one for each core that the process may use.

    Raises:
        UsageError: `VQZIP_THREADS` is not a positive number.
    """
    if wanted := os.environ.get(SWITCH):
        if not wanted.isdecimal() or int(wanted) < 1:
            raise UsageError(f"{SWITCH} must be 1 or more, got '{wanted}'.")
        return int(wanted)
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def share(
    work: Callable[[Item], object], items: Sequence[Item], *, threads: int | None = None
) -> None:
    """Call `work` with every item, on several threads.

    Args:
        work: should release the GIL, as calls through ctypes do; must not depend on the order.
        items: started in this order.
        threads: largest number of threads; default: `thread_count`.

    Raises:
        Exception: the error of the first item that failed; some items may not have been started.
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
    """Start without threads in a forked process, which does not inherit them."""
    global _pool
    _pool = None


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget)
