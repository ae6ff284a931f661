"""Codecs of Pillow and its plugins, and the three that every Pillow has.

A BD-rate depends on the range of the settings, so each codec has one fixed list. JPEG with optimized
Huffman tables at ten qualities is the usual reference.
"""

from __future__ import annotations

import io
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

import numpy as np
from PIL import Image, features

from vqzip.errors import PictureError, UsageError
from vqzip.measuring.subject import Coded
from vqzip.pictures.picture import Picture
from vqzip.pictures.write import image_from_picture

Options = Callable[[Image.Image, float], dict[str, Any]]


def quality_option(_image: Image.Image, setting: float) -> dict[str, Any]:
    """Return the option of Pillow's `save` for the quality."""
    return {"quality": int(setting)}


@dataclass(frozen=True)
class Library:
    """The library that codes a format for Pillow.

    Args:
        prepare: registers the format in Pillow; raises a UsageError if that is not possible.
        version: names the libraries and their versions.
        plugin: module of a plugin that must be installed; None if Pillow has the format.
    """

    prepare: Callable[[], None]
    version: Callable[[], str]
    plugin: str | None = None


@dataclass(frozen=True)
class PillowAnchor:
    """A format of Pillow with fixed options and a list of settings.

    Args:
        name: as given to `--anchors`.
        title: for tables and plots, with the tune if there is one.
        image_format: Pillow's name of the format.
        library: the library that codes it.
        settings: low rate first.
        options: for Pillow's `save`, the same for all pictures and settings.
        setting_options: options that depend on the picture or the setting.
        own_metric: metric that its results are ranked by.
    """

    name: str
    title: str
    image_format: str
    library: Library
    settings: tuple[float, ...]
    options: Mapping[str, object] = field(default_factory=lambda: MappingProxyType({}))
    setting_options: Options = quality_option
    own_metric: str = "psnr"

    def encode(self, picture: Picture, setting: float) -> Coded:
        """Return a whole file.

        Args:
            picture: without alpha and metadata, which would be encoded too.
            setting: one of `settings`, or another in the same unit.

        Raises:
            PictureError: the format cannot hold such a picture.
        """
        image = image_from_picture(picture)
        options = {**self.options, **self.setting_options(image, setting)}
        file = io.BytesIO()
        try:
            image.save(file, self.image_format, **options)
        except (OSError, ValueError, RuntimeError) as error:
            size = f"{image.width} x {image.height}"
            raise PictureError(f"{self.name} cannot code a picture of {size}: {error}.") from error
        return Coded(file.getvalue(), setting)

    def decode(self, data: bytes) -> Picture:
        """Return the picture of a file that `encode` made."""
        with Image.open(io.BytesIO(data), formats=[self.image_format]) as image:
            return Picture(np.asarray(image.convert("L" if image.mode == "L" else "RGB")))

    def decode_codes(self, data: bytes) -> None:
        """Return None: the codes are not known."""

    def describe(self) -> str:
        """Return version and options in one line, so that results can be repeated."""
        options = dict(self.options)
        advanced = options.pop("advanced", ())
        pairs = [*options.items(), *(advanced if isinstance(advanced, tuple) else ())]
        return f"{self.library.version()}; " + ", ".join(f"{key}={value}" for key, value in pairs)

    def check_installed(self) -> None:
        """Register the format in Pillow and try it on a small picture.

        Raises:
            UsageError: the encoder is missing, or too old for the options.
        """
        self.library.prepare()
        try:
            self.encode(Picture(np.zeros((64, 64, 3), np.uint8)), self.settings[-1])
        except PictureError as error:
            raise UsageError(
                f"the encoder here ({self.library.version()}) refuses the options of the anchor "
                f"'{self.name}': pip install --upgrade pillow, or leave it out."
            ) from error


def built_in(image_format: str, feature: str, version: Callable[[], str]) -> Library:
    """Return the library of a format that Pillow's wheels include.

    Args:
        image_format: Pillow's name of the format.
        feature: Pillow's name of the library.
        version: names the libraries and their versions.
    """

    def prepare() -> None:
        if not features.check(feature):
            raise UsageError(
                f"this Pillow was built without {image_format}: install its wheel with "
                "pip install --upgrade pillow, or leave out its anchors."
            )

    return Library(prepare, version)


def _jpeg_version() -> str:
    turbo = features.version("libjpeg_turbo")
    return f"libjpeg-turbo {turbo}" if turbo else f"libjpeg {features.version('jpg')}"


def _jpeg2000_options(image: Image.Image, setting: float) -> dict[str, Any]:
    """Return the compression ratio for a number of bits per pixel."""
    options: dict[str, Any] = {"quality_layers": [8 * len(image.getbands()) / setting]}
    return (
        options if image.mode == "RGB" else {**options, "mct": 0}
    )  # gray has no colors to transform


JPEG = PillowAnchor(
    name="jpeg",
    title="JPEG 4:2:0",
    image_format="JPEG",
    library=built_in("JPEG", "jpg", _jpeg_version),
    settings=(5, 8, 12, 18, 27, 40, 55, 70, 82, 90),
    options=MappingProxyType({"optimize": True, "subsampling": "4:2:0"}),
)
WEBP = PillowAnchor(
    name="webp",
    title="WebP",
    image_format="WEBP",
    library=built_in("WEBP", "webp", lambda: f"libwebp {features.version('webp')}"),
    settings=(0, 3, 8, 15, 25, 38, 54, 70, 82, 90),
    options=MappingProxyType({"method": 6}),
)
# Pillow's default leaves the color transform out (`mct=0`), which costs half of the bits.
JPEG2000 = PillowAnchor(
    name="jpeg2000",
    title="JPEG 2000",
    image_format="JPEG2000",
    library=built_in("JPEG2000", "jpg_2000", lambda: f"OpenJPEG {features.version('jpg_2000')}"),
    settings=(0.08, 0.12, 0.18, 0.27, 0.4, 0.6, 0.85, 1.2, 1.6, 2.0),
    options=MappingProxyType({"quality_mode": "rates", "irreversible": True, "mct": 1}),
    setting_options=_jpeg2000_options,
)
