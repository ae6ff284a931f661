"""ICC, EXIF and XMP: out of Pillow images, and into what Pillow writes.

EXIF is kept byte for byte, but for orientation and thumbnail (`vqzip.pictures.exif`): pixels are
turned upright on reading, and a thumbnail may show what was cut off the picture.
"""

from __future__ import annotations

import re
import struct
from collections.abc import Callable
from typing import Any

from PIL import Image
from PIL.PngImagePlugin import PngInfo

from vqzip.errors import PictureError
from vqzip.pictures.exif import BYTE_ORDERS, UPRIGHT, kept_exif, read_exif_orientation
from vqzip.pictures.picture import Metadata

MAX_ITEM_BYTES = 1 << 24
"""Largest ICC, EXIF or XMP that a .vqz file holds, 16 MiB each (docs/reference/format.md)."""

EXIF_PREFIX = b"Exif\0\0"
_TIFF_XMP = 700
_XMP_ORIENTATION = re.compile(rb"(tiff:Orientation(?:=[\"']|>)\s*)([1-8])")
_XMP_THUMBNAILS = (b"xmp:Thumbnails>", b"xap:Thumbnails>")
_TIFF_DESCRIPTIVE_TAGS = (270, 271, 272, 305, 306, 315, 33432)
"""Description, make, model, software, date, artist, copyright; all else in a TIFF is layout."""
_TIFF_SUB_IFDS = (0x8769, 0x8825)
"""EXIF and GPS."""


def read_metadata(image: Image.Image, *, is_gray: bool) -> Metadata:
    """Return ICC, EXIF and XMP of a loaded image, with the orientation upright and no thumbnail.

    Args:
        image: as Pillow opened and loaded it.
        is_gray: whether its pixels are used as one channel; an ICC profile for another color
            space is left out, for it would be wrong.
    """
    icc = image.info.get("icc_profile")
    exif, xmp = _raw_exif(image), _raw_xmp(image)
    return Metadata(
        icc=icc if isinstance(icc, bytes) and icc_fits(icc, is_gray=is_gray) else None,
        exif=kept_exif(exif) if exif else None,
        xmp=_kept_xmp(xmp) if xmp else None,
    )


def read_orientation(image: Image.Image) -> int:
    """Return how a loaded image is turned: 1 (upright) to 8, as EXIF counts, else as XMP says."""
    value = read_exif_orientation(_raw_exif(image) or b"")
    if value is None:
        match = _XMP_ORIENTATION.search(_raw_xmp(image) or b"")
        value = int(match[2]) if match else UPRIGHT
    return value if 1 <= value <= 8 else UPRIGHT


def icc_fits(icc: bytes, *, is_gray: bool) -> bool:
    """Return whether bytes look like an ICC profile for gray or for RGB pixels."""
    return icc_space(icc) == ("GRAY" if is_gray else "RGB")


def icc_space(icc: bytes) -> str | None:
    """Return the color space that an ICC profile is for, such as `CMYK`; None for other bytes."""
    # ICC.1:2022, 7.2: color space at byte 16, signature at byte 36 of a header of 128.
    if len(icc) < 128 or icc[36:40] != b"acsp":
        return None
    return icc[16:20].decode("ascii", "replace").strip()


def check_sizes(metadata: Metadata) -> None:
    """Check that a .vqz file can hold the metadata.

    Raises:
        PictureError: an item is larger than `MAX_ITEM_BYTES`.
    """
    for name, item in (("ICC", metadata.icc), ("EXIF", metadata.exif), ("XMP", metadata.xmp)):
        if item is not None and len(item) > MAX_ITEM_BYTES:
            raise PictureError(
                f"the picture's {name} data has {len(item)} bytes, more than the {MAX_ITEM_BYTES} "
                "that a .vqz file holds; leave metadata out with --strip."
            )


def image_info(metadata: Metadata) -> dict[str, bytes]:
    """Return the entries of `PIL.Image.info` under which Pillow's own readers keep metadata."""
    exif = metadata.exif and EXIF_PREFIX + metadata.exif
    entries = {"icc_profile": metadata.icc, "exif": exif, "xmp": metadata.xmp}
    return {key: value for key, value in entries.items() if value}


def save_options(metadata: Metadata, image_format: str, *, is_gray: bool) -> dict[str, Any]:
    """Return the arguments that make `PIL.Image.save` write metadata.

    Args:
        metadata: what to write.
        image_format: Pillow's name; for formats that Pillow writes no metadata to, the result is
            empty or ignored.
        is_gray: whether the pixels are gray; an ICC profile that does not fit is left out.
    """
    options: dict[str, Any] = dict(image_info(metadata))
    if metadata.icc is not None and not icc_fits(metadata.icc, is_gray=is_gray):
        del options["icc_profile"]
    if image_format == "PNG" and metadata.xmp:
        text = PngInfo()
        text.add_itxt("XML:com.adobe.xmp", metadata.xmp.decode("utf-8", "replace"))
        options["pnginfo"] = text
    if image_format == "TIFF":
        options["exif"] = _tiff_tags(metadata)
    return options


def _raw_exif(image: Image.Image) -> bytes | None:
    """Return EXIF without prefix, wherever the format keeps it; None if it is none."""
    raw = image.info.get("exif")
    hexadecimal = image.info.get("Raw profile type exif")
    if raw is None and isinstance(hexadecimal, str):
        # ImageMagick's text chunk: a blank line, the name, the length, then lines of digits.
        try:
            raw = bytes.fromhex("".join(hexadecimal.split("\n")[3:]))
        except ValueError:
            return None
    if raw is None and image.format == "TIFF":
        tags = _copy_descriptive(image.getexif)
        raw = tags.tobytes() if len(tags) else None
    if not isinstance(raw, bytes):
        return None
    raw = raw.removeprefix(EXIF_PREFIX)
    return raw if raw[:4] in BYTE_ORDERS else None


def _tiff_tags(metadata: Metadata) -> bytes:
    """Return, as EXIF, the tags that carry EXIF and XMP in a TIFF."""

    def load() -> Image.Exif:
        tags = Image.Exif()
        tags.load(metadata.exif or b"")
        return tags

    tags = _copy_descriptive(load)
    if metadata.xmp:
        tags[_TIFF_XMP] = metadata.xmp
    return tags.tobytes()


def _copy_descriptive(load: Callable[[], Image.Exif]) -> Image.Exif:
    """Return what describes the picture, not the layout of its file, among the tags loaded.

    Pillow's parser raises nearly anything on damaged tags; the pixels being fine, there are none
    then.
    """
    kept = Image.Exif()
    try:
        tags = load()
        for tag in _TIFF_DESCRIPTIVE_TAGS:
            if tag in tags:
                kept[tag] = tags[tag]
        for tag in _TIFF_SUB_IFDS:
            if directory := tags.get_ifd(tag):
                kept[tag] = directory
        # Some values can be read but not written.
        kept.tobytes()
    except (OSError, ValueError, TypeError, KeyError, SyntaxError, AttributeError, struct.error):
        return Image.Exif()
    return kept


def _kept_xmp(xmp: bytes) -> bytes:
    for element in _XMP_THUMBNAILS:
        before, opened, rest = xmp.partition(b"<" + element)
        _, closed, after = rest.partition(b"</" + element)
        if opened and closed:
            xmp = before + after
    return _XMP_ORIENTATION.sub(rb"\g<1>1", xmp)


def _raw_xmp(image: Image.Image) -> bytes | None:
    xmp = image.info.get("xmp") or image.info.get("XML:com.adobe.xmp")
    if isinstance(xmp, str):
        return xmp.encode()
    return xmp if isinstance(xmp, bytes) else None
