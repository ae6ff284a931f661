"""HEIC by the plugin pillow-heif, which codes with x265; x265's own default tune is ssim."""

from __future__ import annotations

from types import MappingProxyType

from vqzip.errors import missing_package
from vqzip.measuring.anchors.pillow import Library, PillowAnchor


def _register() -> None:
    try:
        import pillow_heif
    except ImportError as error:
        raise missing_package("pillow-heif", "The anchor 'heic'", "anchors") from error
    pillow_heif.register_heif_opener()


def _version() -> str:
    import pillow_heif

    found = pillow_heif.libheif_info()
    return f"libheif {found['libheif']} ({found['HEIF']})"


HEIC = PillowAnchor(
    name="heic",
    title="HEIC (x265, tune ssim)",
    image_format="HEIF",
    library=Library(_register, _version, "pillow_heif"),
    settings=(4, 9, 15, 21, 27, 34, 41, 49, 57, 64),
    options=MappingProxyType({"chroma": 420}),
)
