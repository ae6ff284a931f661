"""All built-in anchors."""

from __future__ import annotations

import importlib.util

from vqzip.errors import UsageError
from vqzip.measuring.anchors.avif import AVIF, AVIF_PSNR, AVIF_SSIM
from vqzip.measuring.anchors.heif import HEIC
from vqzip.measuring.anchors.jxl import JXL
from vqzip.measuring.anchors.pillow import JPEG, JPEG2000, WEBP, PillowAnchor

ANCHORS: tuple[PillowAnchor, ...] = (JPEG, WEBP, AVIF, AVIF_SSIM, AVIF_PSNR, JPEG2000, JXL, HEIC)
DEFAULT_ANCHORS = (JPEG, JXL)
"""Defaults of `vqzip rd-curve`, if their plugins are installed; the first is the reference."""


def find_anchor(name: str) -> PillowAnchor:
    """Return the anchor of this name, after checking that it works.

    Raises:
        UsageError: there is no such anchor, or its encoder is missing.
    """
    for anchor in ANCHORS:
        if anchor.name == name:
            anchor.check_installed()
            return anchor
    names = ", ".join(anchor.name for anchor in ANCHORS)
    raise UsageError(f"there is no anchor '{name}'; choose from {names}.")


def without_missing_plugins(*anchors: PillowAnchor) -> tuple[str, ...]:
    """Return the names of those anchors that need no plugin of Pillow, or whose plugin is installed."""
    return tuple(
        anchor.name
        for anchor in anchors
        if anchor.library.plugin is None or importlib.util.find_spec(anchor.library.plugin)
    )
