"""Batches cut ahead of time by worker processes."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator
from dataclasses import replace
from typing import Any

import torch
from torch.utils.data import DataLoader, Dataset

from vqzip.training.data.crops import Batch, CropSource, Window

PREFETCHED = 4
"""Batches that every worker has ready."""


class Loader:
    """Batches of a source, cut by workers while a step is computed.

    Workers change nothing but the time: every batch is the same without them.

    Args:
        source: of crops.
        workers: processes; 0 cuts in the calling thread.
        pinned: whether batches lie in memory from which a GPU copies without waiting.
    """

    def __init__(self, source: CropSource, workers: int = 0, *, pinned: bool = False) -> None:
        self.source, self._workers, self._pinned = source, workers, pinned
        self._request: tuple[object, ...] = ()
        self._next = 0
        self._batches: Iterator[Batch] = iter(())

    def batch(
        self, stream: int, step: int, count: int, window: Window, part: slice = slice(None)
    ) -> Batch:
        """Return one batch; see `CropSource.batch`. Batches of one stream are asked for in order."""
        if not self._workers:
            return self.source.batch(stream, step, count, window, part)
        request = stream, count, window, part.start, part.stop
        if request != self._request or step != self._next:
            steps = _Steps(self.source, stream, count, window, part)
            self._batches = self._loader(steps, itertools.count(step))
            self._request = request
        self._next = step + 1
        batch = next(self._batches)
        self.source.refused.update(batch.refused)
        return batch

    def once(
        self, stream: int, step: int, count: int, window: Window, part: slice = slice(None)
    ) -> Batch:
        """Return a batch of another stream, without workers."""
        return self.source.batch(stream, step, count, window, part)

    def _loader(self, steps: _Steps, numbers: Iterable[int]) -> Iterator[Batch]:
        loader = DataLoader(
            steps,
            batch_size=None,
            sampler=numbers,
            num_workers=self._workers,
            prefetch_factor=PREFETCHED,
            collate_fn=_unchanged,
            worker_init_fn=_one_thread,
        )
        for batch in loader:
            if self._pinned:
                batch = replace(batch, pixels=batch.pixels.pin_memory())
            yield batch


class _Steps(Dataset[Batch]):
    """The batches of a stream, by the number of the step."""

    def __init__(
        self, source: CropSource, stream: int, count: int, window: Window, part: slice
    ) -> None:
        self._source, self._stream, self._count = source, stream, count
        self._window, self._part = window, part

    def __getitem__(self, step: int) -> Batch:
        return self._source.batch(self._stream, step, self._count, self._window, self._part)


def _unchanged(batch: Any) -> Any:
    return batch


def _one_thread(_worker: int) -> None:
    torch.set_num_threads(1)
