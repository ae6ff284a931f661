"""The codecs that models are compared with, each with one fixed list of settings.

Pillow codes and decodes them. A BD-rate depends on how far the settings reach, so they are fixed:
JPEG with optimized Huffman tables at ten qualities is the usual reference. Three traps are avoided:
Pillow's JPEG 2000 leaves the color transform off (`mct=1` here), AVIF's default tune differs
between versions of libavif (each name here has its own tune), and threads change AVIF's times.
"""

from __future__ import annotations

import importlib
import io
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, Literal

from PIL import Image, features

from vqzip.errors import PictureError, UsageError
from vqzip.extras import missing_package

_JPEG = (5, 8, 12, 18, 27, 40, 55, 70, 82, 90)
_WEBP = (0, 3, 8, 15, 25, 38, 54, 70, 82, 90)
_AVIF_IQ = (6, 12, 19, 26, 34, 43, 52, 62, 73, 83)
_AVIF = (4, 9, 15, 22, 30, 39, 49, 60, 70)
_JPEG2000 = (0.08, 0.12, 0.18, 0.27, 0.4, 0.6, 0.85, 1.2, 1.6, 2.0)
_JXL = (1, 6, 12, 20, 30, 42, 55, 68, 80, 88)
_HEIC = (4, 9, 15, 21, 27, 34, 41, 49, 57, 64)


@dataclass(frozen=True)
class Anchor:
    """A codec with fixed options and a list of settings.

    Args:
        name: as given to `--anchors`.
        title: for tables and plots, with the tune where there is one.
        pillow_format: Pillow's name of the format.
        settings: low rate first.
        unit: what a setting is: the encoder's quality, or the bits per pixel asked for.
        options: what else Pillow's `save` is told.
    """

    name: str
    title: str
    pillow_format: Literal["JPEG", "WEBP", "AVIF", "JPEG2000", "JXL", "HEIF"]
    settings: tuple[float, ...]
    unit: Literal["quality", "bits per pixel"] = "quality"
    options: Mapping[str, object] = field(default_factory=lambda: MappingProxyType({}))

    def encode(self, image: Image.Image, setting: float) -> bytes:
        """Return a whole file.

        Args:
            image: mode RGB or L, without profile or EXIF (they would be coded too).
            setting: one of `settings`, or another in the same unit.

        Raises:
            PictureError: the format cannot hold such a picture.
        """
        options: dict[str, Any] = dict(self.options)
        if self.unit == "quality":
            options["quality"] = int(setting)
        else:
            # JPEG 2000 is told by how much to shrink the raw samples.
            options["quality_layers"] = [8 * len(image.getbands()) / setting]
        if self.pillow_format == "JPEG2000" and image.mode == "L":
            options["mct"] = 0  # there are no colors to transform
        coded = io.BytesIO()
        try:
            image.save(coded, self.pillow_format, **options)
        except (OSError, ValueError, RuntimeError) as error:
            size = f"{image.width} x {image.height}"
            raise PictureError(f"{self.name} cannot code a picture of {size}: {error}.") from error
        return coded.getvalue()

    def decode(self, data: bytes) -> Image.Image:
        """Return the picture of a file that `encode` made, mode RGB or L."""
        with Image.open(io.BytesIO(data), formats=[self.pillow_format]) as image:
            return image.convert("L" if image.mode == "L" else "RGB")

    def check_installed(self) -> None:
        """Make the format known to Pillow and try it on a small picture.

        Raises:
            UsageError: the encoder is missing, or too old for the options.
        """
        if self.pillow_format == "HEIF":
            _register_heif()
        elif self.pillow_format == "JXL":
            _register_jxl()
        else:
            known = {"JPEG": "jpg", "WEBP": "webp", "AVIF": "avif", "JPEG2000": "jpg_2000"}
            if not features.check(known[self.pillow_format]):
                raise UsageError(
                    f"this Pillow was built without {self.pillow_format}: install its wheel with "
                    "pip install --upgrade pillow, or leave out the anchor "
                    f"'{self.name}'."
                )
        try:
            self.encode(Image.new("RGB", (64, 64)), self.settings[-1])
        except PictureError as error:
            raise UsageError(
                f"the encoder here ({self.version()}) refuses the options of the anchor '{self.name}': "
                "pip install --upgrade pillow, or leave it out."
            ) from error

    def describe(self) -> str:
        """Return version and options in a line, as results need them to be repeated."""
        options = dict(self.options)
        advanced = options.pop("advanced", ())
        pairs = [*options.items(), *(advanced if isinstance(advanced, tuple) else ())]
        return f"{self.version()}; " + ", ".join(f"{key}={value}" for key, value in pairs)

    def version(self) -> str:
        """Return the names and versions of the libraries that code this format."""
        if self.pillow_format == "JPEG":
            turbo = features.version("libjpeg_turbo")
            return f"libjpeg-turbo {turbo}" if turbo else f"libjpeg {features.version('jpg')}"
        if self.pillow_format == "WEBP":
            return f"libwebp {features.version('webp')}"
        if self.pillow_format == "JPEG2000":
            return f"OpenJPEG {features.version('jpg_2000')}"
        if self.pillow_format == "AVIF":
            return _avif_version()
        return _heif_version() if self.pillow_format == "HEIF" else _jxl_version()


def _avif(name: str, tune: str, settings: tuple[float, ...]) -> Anchor:
    options = {
        "speed": 6,
        "subsampling": "4:2:0",
        "max_threads": 1,
        "advanced": (("tune", tune),),
    }
    return Anchor(name, f"AVIF (tune {tune})", "AVIF", settings, options=MappingProxyType(options))


ANCHORS = (
    Anchor(
        "jpeg",
        "JPEG 4:2:0",
        "JPEG",
        _JPEG,
        options=MappingProxyType({"optimize": True, "subsampling": "4:2:0"}),
    ),
    Anchor("webp", "WebP", "WEBP", _WEBP, options=MappingProxyType({"method": 6})),
    _avif("avif", "iq", _AVIF_IQ),
    _avif("avif-ssim", "ssim", _AVIF),
    _avif("avif-psnr", "psnr", _AVIF),
    Anchor(
        "jpeg2000",
        "JPEG 2000",
        "JPEG2000",
        _JPEG2000,
        "bits per pixel",
        MappingProxyType({"quality_mode": "rates", "irreversible": True, "mct": 1}),
    ),
    Anchor(
        "jxl",
        "JPEG XL (effort 7)",
        "JXL",
        _JXL,
        options=MappingProxyType({"effort": 7, "num_threads": 1}),
    ),
    Anchor(
        "heic",
        "HEIC (x265, tune ssim)",
        "HEIF",
        _HEIC,
        options=MappingProxyType({"chroma": 420}),
    ),
)
"""All anchors; x265's own default tune is ssim."""


def find_anchor(name: str) -> Anchor:
    """Return the anchor of this name, checked to work here.

    Raises:
        UsageError: there is no such anchor, or its encoder is missing.
    """
    for anchor in ANCHORS:
        if anchor.name == name:
            anchor.check_installed()
            return anchor
    names = ", ".join(anchor.name for anchor in ANCHORS)
    raise UsageError(f"there is no anchor '{name}'; choose from {names}.")


def _register_heif() -> None:
    try:
        import pillow_heif
    except ImportError as error:
        raise missing_package("pillow-heif", "The anchor 'heic'", "anchors") from error
    pillow_heif.register_heif_opener()


def _register_jxl() -> None:
    try:
        importlib.import_module("pillow_jxl")  # registers itself with Pillow
    except ImportError as error:
        raise missing_package("pillow-jxl-plugin", "The anchor 'jxl'", "anchors") from error


def _avif_version() -> str:
    # The encoder behind libavif decides size and tune, and Pillow names it only here.
    native = importlib.import_module("PIL._avif")
    encoders = getattr(native, "codec_versions", lambda: "encoder unknown")()
    return f"libavif {features.version('avif')} ({encoders})"


def _heif_version() -> str:
    import pillow_heif

    found = pillow_heif.libheif_info()
    return f"libheif {found['libheif']} ({found['HEIF']})"


def _jxl_version() -> str:
    from importlib.metadata import version

    return f"pillow-jxl-plugin {version('pillow-jxl-plugin')}"
