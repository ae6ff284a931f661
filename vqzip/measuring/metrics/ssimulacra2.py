"""SSIMULACRA2 (Sneyers 2022), a metric made for compressed pictures, by the package `ssimulacra2`."""

from __future__ import annotations

from importlib import metadata
from typing import Any

from vqzip.errors import missing_package
from vqzip.measuring.metrics.metric import Metric, Pair, png_files

SMALLEST_SIDE = 256
"""Sides for all six scales of the metric; scores with fewer would not be comparable."""


def score(pair: Pair) -> float | None:
    """Return the quality of a decoded picture: 100 for equal pictures, 90 if no difference is visible.

    Returns:
        None for a picture with a side under `SMALLEST_SIDE` pixels.

    Raises:
        UsageError: the package is missing.
    """
    if pair.shorter_side < SMALLEST_SIDE:
        return None
    with png_files(pair.original, pair.decoded) as paths:
        return float(_package().compute_ssimulacra2(*paths))


def check() -> None:
    """Raise a UsageError if the package is missing."""
    _package()


def _package() -> Any:
    try:
        import ssimulacra2
    except ImportError as error:
        raise missing_package("ssimulacra2", "SSIMULACRA2", "looks") from error
    return ssimulacra2


SSIMULACRA2 = Metric(
    name="ssimulacra2",
    title="SSIMULACRA2",
    unit="",
    axis="SSIMULACRA2",
    digits=2,
    score=score,
    curve_value=float,
    check=check,
    version=lambda: ("ssimulacra2", metadata.version("ssimulacra2")),
)
