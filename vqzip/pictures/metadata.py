"""ICC, EXIF and XMP for a .vqz file.

EXIF is kept byte for byte, except orientation and thumbnail (`vqzip.pictures.exif`): pixels are turned
upright when they are read, and a thumbnail may show what was cropped from the picture.
"""

from __future__ import annotations

import struct
from typing import Any

from PIL import Image

from vqzip.errors import PictureError
from vqzip.pictures.color_numbers import ADOBE_RGB, SRGB_PRIMARIES, ColorNumbers
from vqzip.pictures.containers.findings import NOT_SRGB, Findings
from vqzip.pictures.containers.ifd import EXIF_IFD, INTEROP_IFD, Directories
from vqzip.pictures.containers.png import look_at_texts, with_gamma
from vqzip.pictures.containers.xmp import kept_xmp, xmp_orientation
from vqzip.pictures.exif import BYTE_ORDERS, UPRIGHT, kept_exif, read_exif_orientation
from vqzip.pictures.limits import MAX_ITEM_BYTES
from vqzip.pictures.picture import Metadata

EXIF_PREFIX = b"Exif\0\0"
_TURNED_BY_DECODER = ("TIFF", "HEIF", "JXL")
"""Formats whose pixels come upright."""
_TURNED_BY_BOXES = "AVIF"
"""Its EXIF says nothing about turning; Pillow puts what the boxes say into the EXIF of its image."""
_COLOR_SPACE, _ADOBE, _UNCALIBRATED, _INDEX = 0xA001, 2, 0xFFFF, 1
_TIFF_DESCRIPTIVE_TAGS = (270, 271, 272, 305, 306, 315, 33432)
_TIFF_SUB_IFDS = (0x8769, 0x8825)


def metadata_of(found: Findings, *, is_gray: bool) -> Metadata:
    """Return ICC, EXIF and XMP of a file, with the orientation upright and no thumbnail.

    Args:
        found: in the file.
        is_gray: whether its pixels are used as one channel; an ICC profile for another color
            space is left out, for it would be wrong.
    """
    icc, _ = profile_of(found, is_gray=is_gray)
    exif = found.exif if (found.exif or b"")[:4] in BYTE_ORDERS else None
    return Metadata(
        icc=icc if icc is not None and icc_fits(icc, is_gray=is_gray) else None,
        exif=kept_exif(exif) if exif else None,
        xmp=kept_xmp(found.xmp) if found.xmp else None,
    )


def profile_of(found: Findings, *, is_gray: bool) -> tuple[bytes | None, str | None]:
    """Return the ICC profile that the colors of a file have, and what of it is not kept.

    One is made where the file gives numbers instead, or names Adobe RGB in EXIF alone.

    Args:
        found: in the file.
        is_gray: whether there is brightness alone.
    """
    numbers = found.numbers
    if found.icc is not None and not found.numbers_first:
        return found.icc, None
    if numbers is None:
        numbers = _numbers_of_exif(found.exif or b"")
    if numbers is None or numbers.is_srgb(gray=is_gray):
        return None, None
    made = numbers.profile(gray=is_gray)
    return (found.icc, NOT_SRGB) if made is None else (made, None)


def orientation_of(found: Findings, image: Image.Image) -> int:
    """Return how a loaded image is still turned: 1 (upright) to 8, as EXIF counts, else as XMP says."""
    if image.format in _TURNED_BY_DECODER:
        return UPRIGHT
    if image.format == _TURNED_BY_BOXES:
        exif = image.info.get("exif") or b""
        value = read_exif_orientation(exif.removeprefix(EXIF_PREFIX))
    else:
        value = read_exif_orientation(found.exif or b"")
        if value is None:
            value = xmp_orientation(found.xmp or b"")
    return value if value is not None and 1 <= value <= 8 else UPRIGHT


def findings_of_image(image: Image.Image) -> Findings:
    """Return the metadata of an image that the caller opened, as far as Pillow shows them."""
    found = Findings()
    info = image.info
    texts = [(str(key), text.encode()) for key, text in info.items() if isinstance(text, str)]
    look_at_texts(texts, found)
    icc, xmp = info.get("icc_profile"), info.get("xmp")
    found.icc = icc if isinstance(icc, bytes) and icc else found.icc
    xmp = xmp.encode() if isinstance(xmp, str) else xmp
    found.xmp = xmp if isinstance(xmp, bytes) and xmp else found.xmp
    exif = info.get("exif")
    if isinstance(exif, bytes) and exif:
        found.exif = exif.removeprefix(EXIF_PREFIX)
    elif image.format == "TIFF":
        found.exif = _exif_of_tags(image)
    found.numbers = _numbers_of_info(info)
    return found


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
                "that a .vqz file holds; leave metadata out with `strip`."
            )


def _numbers_of_exif(exif: bytes) -> ColorNumbers | None:
    """Return the color space that EXIF names; None for sRGB, and where it names none.

    Adobe RGB is "uncalibrated" with an interoperability index of R03 (DCF 2.0).
    """
    try:
        directories = Directories(exif)
        below = dict(directories.tree(directories.first).below)
    except (ValueError, struct.error):
        return None
    inner = below.get(EXIF_IFD)
    spaces = [entry.first for entry in inner.entries if entry.tag == _COLOR_SPACE] if inner else []
    if inner is None or not spaces or spaces[0] not in (_ADOBE, _UNCALIBRATED):
        return None
    interoperability = dict(inner.below).get(INTEROP_IFD) or below.get(INTEROP_IFD)
    entries = interoperability.entries if interoperability else ()
    index = next((entry.value for entry in entries if entry.tag == _INDEX), b"")
    if spaces[0] == _ADOBE or index.startswith(b"R03"):
        return ADOBE_RGB
    return ColorNumbers(known=False)


def _numbers_of_info(info: dict[Any, Any]) -> ColorNumbers | None:
    """Return the color space of a PNG by what Pillow keeps of its chunks."""
    gamma, points = info.get("gamma"), info.get("chromaticity")
    if "srgb" in info or (gamma is None and points is None):
        return None
    numbers = ColorNumbers()
    if isinstance(points, tuple) and len(points) == 2 + len(SRGB_PRIMARIES):
        numbers = ColorNumbers(tuple(points[2:]), (points[0], points[1]))
    return with_gamma(numbers, 1 / gamma if isinstance(gamma, float) and gamma > 0 else None)


def _exif_of_tags(image: Image.Image) -> bytes | None:
    """Return, as EXIF, what describes the picture among the tags of a TIFF that somebody opened.

    Pillow's parser raises nearly anything on damaged tags; the pixels being fine, there are none
    then.
    """
    kept = Image.Exif()
    try:
        tags = image.getexif()
        for tag in _TIFF_DESCRIPTIVE_TAGS:
            if tag in tags:
                kept[tag] = tags[tag]
        for tag in _TIFF_SUB_IFDS:
            if directory := tags.get_ifd(tag):
                kept[tag] = directory
        # Some values can be read but not written.
        written = kept.tobytes()
    except (OSError, ValueError, TypeError, KeyError, SyntaxError, AttributeError, struct.error):
        return None
    return written.removeprefix(EXIF_PREFIX) if len(kept) else None
