"""What reports need to know about a metric; and writing pictures for external programs."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from vqzip import metrics
from vqzip.pictures.picture import Picture
from vqzip.pictures.write import image_from_picture

Pixels = NDArray[np.uint8]
"""`(H, W, 3)` RGB or `(H, W)` gray."""


@dataclass(frozen=True)
class Pair:
    """An original and its decoded picture.

    Args:
        original: as it was encoded.
        decoded: of the same height and width; invisible pixels are those of the original.
        device: of torch, for metrics that use it.
        visible_share: share of visible pixels. Squared errors are means over them.
    """

    original: Pixels
    decoded: Pixels
    device: str = "cpu"
    visible_share: float = 1.0

    @property
    def mse(self) -> float:
        """Mean squared error over the visible pixels, on samples in [0, 1]."""
        return metrics.mse(self.original, self.decoded, self.device) / self.visible_share

    @property
    def shorter_side(self) -> int:
        """Of the picture, in pixels."""
        return int(min(self.original.shape[:2]))


def seen_pair(
    original: Pixels, decoded: Pixels, device: str, visible: NDArray[np.bool_] | None
) -> Pair:
    """Return a pair in which invisible pixels are equal.

    Args:
        original: as it was encoded.
        decoded: of the same height and width.
        device: of torch.
        visible: `(H, W)`, None where all pixels are visible.
    """
    if visible is None or original.ndim != decoded.ndim:
        return Pair(original, decoded, device)
    mask = visible if original.ndim == 2 else visible[..., None]
    share = max(int(visible.sum()), 1) / visible.size
    return Pair(original, np.where(mask, decoded, original), device, share)


Score = Callable[[Pair], float | None]
"""Measures a picture; None for pictures that are too small for the metric."""


@dataclass(frozen=True)
class Metric:
    """A metric of decoded pictures.

    Args:
        name: as in `--metrics` and in results.
        title: as in tables.
        unit: of a score, empty for none.
        axis: label of the vertical axis of plots.
        digits: decimals in tables.
        score: measures one picture.
        curve_value: converts a score to the value of curves; it must rise with quality. Scores are
            averaged over pictures before the conversion.
        check: raises a UsageError if the metric cannot run here.
        version: returns the package or program that computes it, and its version.
        middle: a second range of curve values for BD-rates; None for only the common range.
    """

    name: str
    title: str
    unit: str
    axis: str
    digits: int
    score: Score
    curve_value: Callable[[float], float]
    check: Callable[[], None]
    version: Callable[[], tuple[str, str]]
    middle: tuple[float, float] | None = None

    @property
    def heading(self) -> str:
        """Title and unit, as in the header of a column."""
        return f"{self.title} {self.unit}".strip()


def as_rgb(pixels: Pixels) -> Pixels:
    """Return pixels `(H, W, 3)`; gray becomes three equal channels."""
    gray = pixels.ndim == 2
    return np.repeat(pixels[..., None], 3, axis=2) if gray else pixels


@contextmanager
def png_files(*pictures: Pixels) -> Iterator[tuple[Path, ...]]:
    """Write pictures as RGB PNG files into a folder that is removed afterwards."""
    with tempfile.TemporaryDirectory(prefix="vqzip-") as folder:
        paths = tuple(Path(folder) / f"{number}.png" for number in range(len(pictures)))
        for path, pixels in zip(paths, pictures, strict=True):
            image_from_picture(Picture(as_rgb(pixels))).save(path, compress_level=1)
        yield paths
