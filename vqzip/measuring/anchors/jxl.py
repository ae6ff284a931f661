"""JPEG XL by the plugin pillow-jxl-plugin, which has libjxl inside."""

from __future__ import annotations

import importlib
from importlib import metadata
from types import MappingProxyType

from vqzip.errors import missing_package
from vqzip.measuring.anchors.pillow import Library, PillowAnchor


def _register() -> None:
    try:
        importlib.import_module("pillow_jxl")  # registers itself with Pillow
    except ImportError as error:
        raise missing_package("pillow-jxl-plugin", "The anchor 'jxl'", "anchors") from error


def _version() -> str:
    return f"pillow-jxl-plugin {metadata.version('pillow-jxl-plugin')}"


JXL = PillowAnchor(
    name="jxl",
    title="JPEG XL (effort 7)",
    image_format="JXL",
    library=Library(_register, _version, "pillow_jxl"),
    settings=(1, 6, 12, 20, 30, 42, 55, 68, 80, 88),
    options=MappingProxyType({"effort": 7, "num_threads": 1}),
)
