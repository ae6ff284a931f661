"""Compares the prior with order 0, and file sizes with code lengths."""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from vqzip.codes import Codes

HEADER_ALLOWANCE_BYTES = 48
"""Bytes that the container may take for one tile without metadata (docs/reference/format.md)."""


@dataclass(frozen=True)
class LevelCodeLength:
    """Code length of one level of all pictures at one quality, by the prior and by order 0.

    Args:
        quality: of the files.
        level: 0 is the coarsest.
        codes: number of codes.
        prior_bits: code length under the integer prior.
        order0_bits: code length under one histogram for each group, fitted on these same codes. It does
            not include the cost of the histograms, so the comparison favors order 0.
        distinct: number of different codes, mean over the histograms; for a codebook, its usage.
    """

    quality: float
    level: int
    codes: int
    prior_bits: float
    order0_bits: float
    distinct: float

    @property
    def ratio(self) -> float:
        """Prior relative to order 0; NaN if all codes of the level are equal."""
        return self.prior_bits / self.order0_bits if self.order0_bits else math.nan


def channel_histograms(level: NDArray[np.integer]) -> list[Counter[int]]:
    """Return how often each code occurs in each channel of a level `(G, D, H, W)`."""
    histograms = []
    for plane in level.reshape(-1, *level.shape[2:]):
        values, counts = np.unique(plane, return_counts=True)
        histograms.append(Counter(dict(zip(values.tolist(), counts.tolist(), strict=True))))
    return histograms


class CodeLengthTally:
    """Counts codes of picture after picture, for each quality, level and group."""

    def __init__(self) -> None:
        # A histogram for every channel: group and, in residual quantizers, stage.
        self._counts: dict[tuple[float, int], dict[int, Counter[int]]] = defaultdict(
            lambda: defaultdict(Counter)
        )
        self._prior_bits: dict[tuple[float, int], float] = defaultdict(float)

    def add(self, quality: float, codes: Codes, code_length_bits: Sequence[float]) -> None:
        """Count the codes of one picture.

        Args:
            quality: at which it was coded.
            codes: of the whole picture.
            code_length_bits: of each level under the prior.
        """
        for number, (level, bits) in enumerate(zip(codes.levels, code_length_bits, strict=True)):
            self._prior_bits[quality, number] += bits
            histograms = self._counts[quality, number]
            for channel, histogram in enumerate(channel_histograms(level)):
                histograms[channel].update(histogram)

    def levels(self) -> tuple[LevelCodeLength, ...]:
        """Return the code lengths of every quality and level, in this order."""
        return tuple(
            LevelCodeLength(
                quality,
                level,
                sum(histogram.total() for histogram in histograms.values()),
                self._prior_bits[quality, level],
                sum(_order0_bits(histogram) for histogram in histograms.values()),
                sum(map(len, histograms.values())) / len(histograms),
            )
            for (quality, level), histograms in sorted(self._counts.items())
        )


def _order0_bits(histogram: Counter[int]) -> float:
    counts = np.array(list(histogram.values()), np.float64)
    # Adding zero turns the -0.0 of a histogram with one entry into 0.0.
    return float(-np.sum(counts * np.log2(counts / counts.sum()))) + 0.0


@dataclass(frozen=True)
class Overhead:
    """Bits of files over the prior's own code length, over pictures and qualities.

    Args:
        mean_percent: of the code length, after `HEADER_ALLOWANCE_BYTES` of each file are taken off.
        max_percent: the worst file's.
        mean_bytes: file minus code length, nothing taken off.
        max_bytes: the worst file's.
        files: how many were measured.
    """

    mean_percent: float
    max_percent: float
    mean_bytes: float
    max_bytes: float
    files: int


def overhead(files: Sequence[tuple[int, float]]) -> Overhead:
    """Return the overhead of files.

    Args:
        files: `(payload_bytes, code_length_bits)` of each; files without any code length are left
            out of the percentages.
    """
    over_bytes = [size - bits / 8 for size, bits in files]
    percent = [
        100 * (8 * (size - HEADER_ALLOWANCE_BYTES) - bits) / bits
        for size, bits in files
        if bits > 0
    ]
    return Overhead(
        mean_percent=float(np.mean(percent)) if percent else math.nan,
        max_percent=max(percent, default=math.nan),
        mean_bytes=float(np.mean(over_bytes)) if over_bytes else math.nan,
        max_bytes=max(over_bytes, default=math.nan),
        files=len(files),
    )
