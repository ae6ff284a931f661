"""Writes ICC, EXIF and XMP into the files of Pillow."""

from __future__ import annotations

import struct
from dataclasses import dataclass, replace
from typing import Any

from PIL.PngImagePlugin import PngInfo

from vqzip.pictures.containers.ifd import Directories, Entry, Tree, add_entries, in_order
from vqzip.pictures.containers.tiff import ICC, LAYOUT, XMP
from vqzip.pictures.metadata import EXIF_PREFIX, icc_fits
from vqzip.pictures.picture import Metadata

_NAMES = {"icc": "ICC profile", "exif": "EXIF", "xmp": "XMP"}
_NO_LIMIT = 1 << 31
_LIMITS: dict[str, dict[str, int]] = {
    **{name: dict.fromkeys(_NAMES, _NO_LIMIT) for name in ("PNG", "WEBP", "AVIF", "TIFF")},
    # One segment each, of 65533 bytes with the name in front; a profile has up to 255.
    "JPEG": {"icc": 255 * 65519, "exif": 65533 - len(EXIF_PREFIX), "xmp": 65533 - 29},
}
"""Bytes that a format holds of each item; formats that are not here hold none, as Pillow writes them."""
_PARSED = ("AVIF",)
"""Formats for which Pillow takes EXIF apart, and complains of damage."""
_RESOLUTION = (282, 283, 296)
_COMPRESSED_TEXT_FROM = 1 << 16


@dataclass(frozen=True)
class Writable:
    """What of a picture's metadata a format holds.

    Args:
        metadata: that are written.
        left_out: what is not, in words.
    """

    metadata: Metadata
    left_out: tuple[str, ...]


def writable(metadata: Metadata, image_format: str, *, is_gray: bool) -> Writable:
    """Return what of some metadata can be written to a format.

    Args:
        metadata: of the picture.
        image_format: Pillow's name.
        is_gray: whether the pixels are gray; an ICC profile that does not fit is left out.
    """
    limits = _LIMITS.get(image_format, {})
    left_out = []
    for item, name in _NAMES.items():
        content = getattr(metadata, item)
        if content is None:
            continue
        fits = item != "icc" or icc_fits(content, is_gray=is_gray)
        if item == "exif" and image_format in _PARSED:
            fits = _is_sound(content)
        if not fits or len(content) > limits.get(item, 0):
            left_out.append(name)
            metadata = replace(metadata, **{item: None})
    return Writable(metadata, tuple(left_out))


def _is_sound(exif: bytes) -> bool:
    """Return whether the first directory of EXIF can be read whole."""
    try:
        directories = Directories(exif)
        return directories.chain() != [] and not directories.damaged(directories.first)
    except (ValueError, struct.error):
        return False


def image_info(metadata: Metadata) -> dict[str, bytes]:
    """Return the entries of `PIL.Image.info` under which Pillow's own readers keep metadata."""
    exif = metadata.exif and EXIF_PREFIX + metadata.exif
    entries = {"icc_profile": metadata.icc, "exif": exif, "xmp": metadata.xmp}
    return {key: value for key, value in entries.items() if value}


def save_options(metadata: Metadata, image_format: str) -> dict[str, Any]:
    """Return the arguments that make `PIL.Image.save` write metadata that the format holds."""
    options: dict[str, Any] = dict(image_info(metadata))
    if image_format == "PNG" and metadata.xmp:
        text = PngInfo()
        packet = metadata.xmp.decode("utf-8", "replace")
        text.add_itxt("XML:com.adobe.xmp", packet, zip=len(packet) >= _COMPRESSED_TEXT_FROM)
        options["pnginfo"] = text
    if image_format == "TIFF":
        return {key: value for key, value in options.items() if key == "icc_profile"}
    return options


def with_tiff_tags(file: bytes, metadata: Metadata) -> bytes:
    """Return a TIFF of Pillow's with EXIF and XMP as tags.

    The file gets the byte order of the EXIF, whose values stay as they are. What cannot be read of
    damaged EXIF is left out.
    """
    tree = Tree(())
    order = "<"
    if metadata.exif:
        try:
            directories = Directories(metadata.exif)
            tree, order = directories.tree(directories.first), directories.order
        except (ValueError, struct.error):
            tree = Tree(())
    entries = [entry for entry in tree.entries if entry.tag not in LAYOUT - set(_RESOLUTION)]
    entries = [entry for entry in entries if entry.kind < 16 and entry.tag not in (ICC, XMP)]
    if metadata.xmp:
        entries.append(Entry(XMP, 1, len(metadata.xmp), metadata.xmp, order))
    if not entries and not tree.below:
        return file
    kept = in_order(Tree(tuple(entries), tree.below), order)
    return add_entries(file, kept, order)
