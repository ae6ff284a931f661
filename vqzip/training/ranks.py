"""The processes that train together, as `torchrun` starts them; one process alone is the usual case.

Every process has all networks and a part of every batch. Gradients are averaged after `backward`, and so are the
metrics; sums for codebooks are those of the joint batch. DistributedDataParallel would do the first alone, and only
for modules that are called as a whole: phases call parts of networks.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from datetime import timedelta

import torch
from torch import Tensor, distributed

from vqzip.errors import TrainingError

PATIENCE = timedelta(minutes=10)
"""A process that does not answer for so long ends the run: longer than an export takes."""


class Ranks:
    """The processes of a run.

    Args:
        rank: number of this process.
        count: number of processes.
    """

    def __init__(self, rank: int = 0, count: int = 1) -> None:
        self.rank, self.count = rank, count

    @property
    def writes(self) -> bool:
        """Whether this process writes the files of the run: one does."""
        return self.rank == 0

    def part(self, total: int) -> slice:
        """Return which of `total` crops of a batch are this process's.

        Raises:
            TrainingError: they cannot be shared evenly.
        """
        if total % self.count:
            raise TrainingError(
                f"a batch of {total} cannot be shared by {self.count} processes; set batch to a "
                f"multiple of {self.count}."
            )
        size = total // self.count
        return slice(self.rank * size, (self.rank + 1) * size)

    def own(self, tensor: Tensor) -> Tensor:
        """Return this process's part of what was drawn for the whole batch, along the first axis."""
        return tensor[self.part(len(tensor))]

    def sum(self, tensor: Tensor) -> Tensor:
        """Return the sum over all processes."""
        if self.count > 1:
            tensor = tensor.clone()
            distributed.all_reduce(tensor)
        return tensor

    def average_gradients(self, parameters: Iterable[Tensor]) -> None:
        """Replace gradients by their means over all processes."""
        gradients = [p.grad for p in parameters if p.grad is not None]
        if self.count == 1 or not gradients:
            return
        flat = torch.cat([gradient.flatten() for gradient in gradients])
        distributed.all_reduce(flat)
        parts = torch.split(flat / self.count, [gradient.numel() for gradient in gradients])
        for gradient, part in zip(gradients, parts, strict=True):
            gradient.copy_(part.view_as(gradient))

    def mean(self, metrics: Mapping[str, float]) -> dict[str, float]:
        """Return the means of metrics over all processes."""
        if self.count == 1:
            return dict(metrics)
        values = torch.tensor(list(metrics.values()), dtype=torch.float64)
        return dict(zip(metrics, (self.sum(values) / self.count).tolist(), strict=True))

    def first(self, value: float) -> float:
        """Return the value of the first process, for example of a clock."""
        if self.count == 1:
            return value
        shared = torch.tensor([value], dtype=torch.float64)
        distributed.broadcast(shared, 0)
        return float(shared)

    def wait(self) -> None:
        """Return when all processes are here."""
        self.first(0.0)


ALONE = Ranks()


@contextmanager
def joined(device: torch.device) -> Iterator[Ranks]:
    """Join the processes that `torchrun` started with this one, if it did.

    Args:
        device: where this process trains.

    Raises:
        TrainingError: another process ended, so that this one cannot continue.
    """
    count = int(os.environ.get("WORLD_SIZE", "1"))
    if count == 1:
        yield ALONE
        return
    # Tensors of codebooks and metrics lie on the device, small ones on the CPU.
    backend = "cpu:gloo,cuda:nccl" if device.type == "cuda" else "gloo"
    distributed.init_process_group(backend, timeout=PATIENCE)
    try:
        yield Ranks(distributed.get_rank(), count)
    except (RuntimeError, distributed.DistError) as error:
        if not _is_lost(error):
            raise
        raise TrainingError(
            "another process of the run ended; start all of them again with `resume`."
        ) from error
    finally:
        distributed.destroy_process_group()


def _is_lost(error: Exception) -> bool:
    """Return whether an error says that another process does not answer."""
    words = ("gloo", "NCCL", "Connection", "timed out", "Timed out", "Socket", "peer")
    return isinstance(error, distributed.DistError) or any(word in str(error) for word in words)
