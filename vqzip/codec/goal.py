"""What a file has to be: a size or a PSNR, and how near to it is near enough."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from vqzip.errors import UsageError

SIZE_SLACK = math.log(1 / 0.98)
PSNR_SLACK_DB = 0.03
"""A file that meets the target by no more than this is good enough."""

ROWS_COMPARED = 256


@dataclass(frozen=True)
class Target:
    """What a file has to be: one of the two, None stands for the other.

    Args:
        max_bytes: most bytes of the whole file.
        psnr_db: least PSNR of the decoded 8-bit pixels, over all channels but alpha, of the pixels that
            are not wholly transparent.

    Raises:
        UsageError: not exactly one is given, or it is not above 0.
    """

    max_bytes: int | None = None
    psnr_db: float | None = None

    def __post_init__(self) -> None:
        if (self.max_bytes is None) == (self.psnr_db is None):
            raise UsageError("a target is either a number of bytes or a PSNR; give one of them.")
        for goal in (self.max_bytes, self.psnr_db):
            if goal is not None and not 0 < goal < math.inf:
                raise UsageError(f"a target must be above zero, got {goal:g}.")

    @property
    def slack(self) -> float:
        """How far below 0 an excess may lie without being worth another encode."""
        return PSNR_SLACK_DB if self.max_bytes is None else SIZE_SLACK

    def for_share(self, share: float) -> Target:
        """Return the same target for a part of the picture: a size is that of the part."""
        if self.max_bytes is None:
            return self
        return Target(max_bytes=max(1, round(self.max_bytes * share)))

    def excess(self, file_bytes: int, reached_db: Callable[[], float]) -> float:
        """Return by how much a file misses the target (0 or less: it meets it).

        Args:
            file_bytes: of the file.
            reached_db: computes its PSNR; not called for a size.

        Returns:
            Natural log of too many bytes, or missing decibels.
        """
        if self.max_bytes is not None:
            return math.log(file_bytes / self.max_bytes)
        return (self.psnr_db or 0.0) - reached_db()


def psnr_db(
    original: NDArray[np.uint8],
    decoded: NDArray[np.uint8],
    visible: NDArray[np.bool_] | None = None,
) -> float:
    """Return 10 log10(255^2 / MSE) over the samples that count; infinite where they are equal.

    Args:
        original: `(H, W)` or `(H, W, 3)`.
        decoded: of the same shape.
        visible: `(H, W)`, the pixels that count; None for all.
    """
    error, samples = 0, 0
    # Some rows at a time: a large picture's differences would take many times its own memory.
    for top in range(0, len(original), ROWS_COMPARED):
        rows = slice(top, top + ROWS_COMPARED)
        first, second = original[rows], decoded[rows]
        if visible is not None:
            first, second = first[visible[rows]], second[visible[rows]]
        error += int(np.square(first.astype(np.int32) - second).sum(dtype=np.int64))
        samples += first.size
    return 10 * math.log10(255**2 * samples / error) if error else math.inf
