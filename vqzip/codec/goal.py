"""What a file has to be: a size, a PSNR or an MS-SSIM, and how near to it is near enough."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from vqzip.errors import PictureError, UsageError, missing_package

SIZE_SLACK = math.log(1 / 0.98)
SLACK_DB = 0.03
"""A file that meets the target by no more than this is good enough."""

ROWS_COMPARED = 256


@dataclass(frozen=True)
class Target:
    """What a file has to be: one of the three, None stands for the others.

    Args:
        max_bytes: most bytes of the whole file.
        psnr_db: least PSNR of the decoded 8-bit pixels, over all channels but alpha, of the pixels that
            are not wholly transparent.
        ms_ssim: least MS-SSIM of the decoded 8-bit pixels, above 0 and below 1.

    Raises:
        UsageError: not exactly one is given, or it is out of its range.
    """

    max_bytes: int | None = None
    psnr_db: float | None = None
    ms_ssim: float | None = None

    def __post_init__(self) -> None:
        goals = [self.max_bytes, self.psnr_db, self.ms_ssim]
        given = [goal for goal in goals if goal is not None]
        if len(given) != 1:
            raise UsageError(
                "a target is a number of bytes, a PSNR or an MS-SSIM; give one of them."
            )
        if not 0 < given[0] < math.inf:
            raise UsageError(f"a target must be above zero, got {given[0]:g}.")
        if self.ms_ssim is not None and self.ms_ssim >= 1:
            raise UsageError(f"an MS-SSIM lies between 0 and 1, got {self.ms_ssim:g}.")

    @property
    def distortion_db(self) -> float:
        """The least quality in dB: PSNR, or -10 log10(1 - MS-SSIM); 0 if the target is a size."""
        if self.ms_ssim is not None:
            return ms_ssim_db(self.ms_ssim)
        return self.psnr_db or 0.0

    @property
    def slack(self) -> float:
        """How far below 0 an excess may lie without being worth another encode."""
        return SLACK_DB if self.max_bytes is None else SIZE_SLACK

    def for_share(self, share: float) -> Target:
        """Return the same target for a part of the picture: a size is that of the part."""
        if self.max_bytes is None:
            return self
        return Target(max_bytes=max(1, round(self.max_bytes * share)))

    def excess(self, file_bytes: int, reached_db: Callable[[], float]) -> float:
        """Return by how much a file misses the target (0 or less: it meets it).

        Args:
            file_bytes: of the file.
            reached_db: computes its quality in dB, as `distortion_db` has it; not called for a size.

        Returns:
            Natural log of too many bytes, or missing decibels.
        """
        if self.max_bytes is not None:
            return math.log(file_bytes / self.max_bytes)
        return self.distortion_db - reached_db()

    def reached_db(
        self,
        original: NDArray[np.uint8],
        decoded: NDArray[np.uint8],
        visible: NDArray[np.bool_] | None,
    ) -> float:
        """Return the quality of decoded pixels in dB, by the metric of this target; see `psnr_db`.

        Raises:
            UsageError: a side is too short for MS-SSIM, or a package that it needs is missing.
        """
        if self.ms_ssim is None:
            return psnr_db(original, decoded, visible)
        return ms_ssim_db(measured_ms_ssim(original, decoded))

    def words(self, db: float) -> str:
        """Return a quality in dB as its metric has it, rounded down, such as `34.12 dB`."""
        if self.ms_ssim is None:
            return f"{math.floor(db * 100) / 100:.2f} dB"
        return f"MS-SSIM {math.floor((1 - 10 ** (-db / 10)) * 10**4) / 10**4:.4f}"


def target_like(
    original: NDArray[np.uint8],
    other: NDArray[np.uint8],
    visible: NDArray[np.bool_] | None = None,
    *,
    by_ms_ssim: bool = False,
) -> Target:
    """Return the target of a file that is no worse than another version of its picture.

    Args:
        original: `(H, W)` or `(H, W, 3)`.
        other: pixels of the other version, of the same size; either may be gray.
        visible: `(H, W)`, the pixels that count for a PSNR; None for all.
        by_ms_ssim: compare by MS-SSIM instead of PSNR.

    Raises:
        PictureError: the sizes differ.
        UsageError: the other version has no loss, or MS-SSIM cannot be computed.
    """
    if original.shape[:2] != other.shape[:2]:
        raise PictureError(
            f"the picture to match has {other.shape[1]} x {other.shape[0]} pixels, the original "
            f"{original.shape[1]} x {original.shape[0]}; they must be one picture."
        )
    if original.ndim != other.ndim:
        original, other = (
            p if p.ndim == 3 else np.repeat(p[..., None], 3, axis=2) for p in (original, other)
        )
    if np.array_equal(original, other):
        raise UsageError(
            "the picture to match has no loss, and no .vqz file is as good; give a quality."
        )
    if by_ms_ssim:
        return Target(ms_ssim=measured_ms_ssim(original, other))
    return Target(psnr_db=psnr_db(original, other, visible))


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


def ms_ssim_db(similarity: float) -> float:
    """Return -10 log10(1 - MS-SSIM), which is about even in bits as PSNR is; infinite for equal pictures."""
    return -10 * math.log10(1 - similarity) if similarity < 1 else math.inf


def measured_ms_ssim(original: NDArray[np.uint8], decoded: NDArray[np.uint8]) -> float:
    """Return the MS-SSIM of two pictures; see `vqzip.metrics.ms_ssim`.

    Raises:
        UsageError: a side is too short, or a package is missing.
    """
    try:
        from vqzip.metrics import MS_SSIM_SMALLEST_SIDE, ms_ssim
    except ModuleNotFoundError as error:
        if error.name != "torch":
            raise
        raise missing_package("torch", "MS-SSIM", "train") from error
    similarity = ms_ssim(original, decoded)
    if similarity is None:
        raise UsageError(
            f"MS-SSIM needs pictures of {MS_SSIM_SMALLEST_SIDE} pixels or more on each side; "
            "ask for a PSNR instead."
        )
    return similarity
