"""All metrics, and the default ones."""

from __future__ import annotations

from collections.abc import Sequence

from vqzip.errors import UsageError
from vqzip.measuring.metrics.butteraugli import BUTTERAUGLI
from vqzip.measuring.metrics.jod import JOD
from vqzip.measuring.metrics.metric import Metric
from vqzip.measuring.metrics.pixels import MS_SSIM, PSNR
from vqzip.measuring.metrics.ssimulacra2 import SSIMULACRA2

METRICS = (PSNR, MS_SSIM, JOD, BUTTERAUGLI, SSIMULACRA2)
DEFAULT_METRICS = (PSNR, MS_SSIM)
"""The fast ones; each of the others takes one to several seconds a megapixel."""


def find_metrics(names: Sequence[str]) -> tuple[Metric, ...]:
    """Return metrics by their names, after checking that they work.

    Raises:
        UsageError: a metric is unknown, none is named, or something that a metric needs is missing.
    """
    known = {metric.name: metric for metric in METRICS}
    for name in names:
        if name not in known:
            raise UsageError(f"there is no metric '{name}'; choose from {', '.join(known)}.")
    if not names:
        raise UsageError(f"no metric is named; choose from {', '.join(known)}.")
    found = tuple(known[name] for name in dict.fromkeys(names))
    for metric in found:
        metric.check()
    return found
