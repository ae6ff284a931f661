"""AVIF by libavif. Its default tune differs between versions, so each anchor names its own tune.

One thread: with several, sizes stay the same and times do not compare.
"""

from __future__ import annotations

import importlib
from types import MappingProxyType

from PIL import features

from vqzip.measuring.anchors.pillow import PillowAnchor, built_in


def _version() -> str:
    # The encoder behind libavif decides size and tune, and Pillow names it only here.
    native = importlib.import_module("PIL._avif")
    encoders = getattr(native, "codec_versions", lambda: "encoder unknown")()
    return f"libavif {features.version('avif')} ({encoders})"


def _avif(name: str, tune: str, settings: tuple[float, ...]) -> PillowAnchor:
    options = {
        "speed": 6,
        "subsampling": "4:2:0",
        "max_threads": 1,
        "advanced": (("tune", tune),),
    }
    return PillowAnchor(
        name=name,
        title=f"AVIF (tune {tune})",
        image_format="AVIF",
        library=built_in("AVIF", "avif", _version),
        settings=settings,
        options=MappingProxyType(options),
    )


_SETTINGS = (4, 9, 15, 22, 30, 39, 49, 60, 70)

AVIF = _avif("avif", "iq", (6, 12, 19, 26, 34, 43, 52, 62, 73, 83))
AVIF_SSIM = _avif("avif-ssim", "ssim", _SETTINGS)
AVIF_PSNR = _avif("avif-psnr", "psnr", _SETTINGS)
