"""PSNR and MS-SSIM, as published results of learned codecs have them."""

from __future__ import annotations

import math
from importlib import metadata

from vqzip import metrics
from vqzip.measuring.metrics.metric import Metric, Pair

MIDDLE_RANGE_DB = (30.0, 36.0)
"""Range of PSNR in which nearly all published curves have points."""


def ms_ssim_db(ms_ssim: float) -> float:
    """Return -10 log10(1 - MS-SSIM), which spreads the values near 1; infinite at 1."""
    return math.inf if ms_ssim >= 1 else -10 * math.log10(1 - ms_ssim)


def _psnr(pair: Pair) -> float:
    return metrics.psnr_db(pair.mse)


def _ms_ssim(pair: Pair) -> float | None:
    return metrics.ms_ssim(pair.original, pair.decoded, pair.device)


def _nothing_to_check() -> None:
    """Computed by torch."""


PSNR = Metric(
    name="psnr",
    title="PSNR",
    unit="dB",
    axis="PSNR, dB",
    digits=2,
    score=_psnr,
    curve_value=float,
    check=_nothing_to_check,
    version=lambda: ("torch", metadata.version("torch")),
    middle=MIDDLE_RANGE_DB,
)

MS_SSIM = Metric(
    name="ms-ssim",
    title="MS-SSIM",
    unit="",
    axis="MS-SSIM, dB: -10 log₁₀(1 - x)",
    digits=4,
    score=_ms_ssim,
    curve_value=ms_ssim_db,
    check=metrics.check_ms_ssim_installed,
    version=lambda: ("pytorch-msssim", metadata.version("pytorch-msssim")),
)
