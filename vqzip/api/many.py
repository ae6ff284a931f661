"""Work on many pictures: a few at a time, so that memory does not grow with their number."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from itertools import islice
from typing import TypeVar

from vqzip.threads import share, thread_count

Item = TypeVar("Item")
Result = TypeVar("Result")

PICTURES_A_THREAD = 4
"""Pictures are taken in groups of so many for each thread; more keep threads busy, fewer save memory."""


def in_order(work: Callable[[Item], Result], items: Iterable[Item]) -> Iterator[Result]:
    """Yield what `work` makes of every item, in their order; several threads work on a group of items.

    Raises:
        Exception: the error of the first item of a group that failed.
    """
    left = iter(items)
    while group := list(islice(left, PICTURES_A_THREAD * thread_count())):
        results: dict[int, Result] = {}

        def one(number: int, group: list[Item] = group, out: dict[int, Result] = results) -> None:
            out[number] = work(group[number])

        share(one, range(len(group)))
        yield from (results.pop(number) for number in range(len(group)))
