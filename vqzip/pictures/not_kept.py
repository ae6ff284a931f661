"""What a picture file holds and a .vqz file does not keep, in words for a warning."""

from __future__ import annotations

import re
from collections.abc import Sequence

from PIL import Image

from vqzip.pictures.boxes import StoredSamples, stored_samples
from vqzip.pictures.colors import GRAY_MODES, PRINT_MODES, SIXTEEN_BIT_MODES
from vqzip.pictures.metadata import icc_fits, icc_space

MORE_BITS = "more than 8 bits a sample"
_DEEP_MODES = (*SIXTEEN_BIT_MODES, "I", "F")
_RAW_BITS = re.compile(r"(?<!BGR);(\d+)")
"""`RGB;16B` has 16 bits a sample, `BGR;16` has 16 a pixel."""

_BOXED_FORMATS = ("AVIF", "HEIF", "JPEG2000")
_TIFF_SAMPLES, _TIFF_IPTC = 277, 33723
_PHOTOSHOP_IPTC = 0x0404
_EXTENDED_XMP = b"http://ns.adobe.com/xmp/extension/"
_WRITTEN_TEXT = (
    *("Author", "Comment", "Copyright", "Description", "Disclaimer", "Source", "Title", "Warning"),
    "comment",
)
"""Keywords of PNG (11.3.3) under which people write, and where Pillow keeps comments."""

_SRGB_GAMMA = 1 / 2.2
_SRGB_CHROMATICITIES = (0.3127, 0.329, 0.64, 0.33, 0.3, 0.6, 0.15, 0.06)


def samples_of(image: Image.Image) -> StoredSamples:
    """Return what the file of an image, opened and not loaded, states of its samples."""
    if image.format in _BOXED_FORMATS and getattr(image, "fp", None) is not None:
        return stored_samples(image.fp)  # type: ignore[attr-defined]
    return StoredSamples(bits=_raw_bits(image))


def count_pictures(image: Image.Image) -> int:
    """Return how many frames, pages or sizes a file holds; it is opened and not loaded."""
    icons = getattr(image, "ico", None)
    if icons is not None:
        return len(icons.entry)
    try:
        return int(getattr(image, "n_frames", 1))
    except Exception:  # noqa: BLE001
        # What follows the first picture is damaged: there is something, and it cannot be counted.
        return 2


def losses(image: Image.Image, samples: StoredSamples, pictures: int) -> tuple[str, ...]:
    """Return what of pixels and colors is not kept, and further pictures, as what the file "has".

    Args:
        image: loaded.
        samples: from `samples_of`, before it was loaded.
        pictures: from `count_pictures`, before it was loaded.
    """
    found = []
    if samples.bits > 8 or image.mode in _DEEP_MODES:
        found.append(MORE_BITS)
    if image.mode in PRINT_MODES:
        found.append(f"{image.mode} colors")
    elif (profile := _unfit_profile(image)) is not None:
        found.append(profile)
    elif _goes_by_numbers(image, samples):
        found.append("colors that are not sRGB and have no ICC profile")
    if _extra_channels(image):
        found.append("extra channels")
    if pictures > 1:
        found.append("a further picture" if pictures == 2 else f"{pictures - 1} further pictures")
    return tuple(found)


def text_losses(image: Image.Image) -> tuple[str, ...]:
    """Return what of a loaded image's metadata is not kept, as what the file "has".

    Resolution, times, names of software and the layout of the file are left out in silence
    (docs/promises/pictures_kept.md).
    """
    found = []
    if _has_iptc(image):
        found.append("IPTC data")
    if any(_EXTENDED_XMP in entry[1][:40] for entry in getattr(image, "applist", [])):
        found.append("extended XMP")
    # That of JPEG 2000 names the encoder.
    keywords = [key for key in _WRITTEN_TEXT if key != "comment" or image.format != "JPEG2000"]
    if any(image.info.get(keyword) for keyword in keywords):
        found.append("text comments")
    return tuple(found)


def listed(words: Sequence[str]) -> str:
    """Return `a, b and c`."""
    *front, last = words
    return f"{', '.join(front)} and {last}" if front else last


def _raw_bits(image: Image.Image) -> int:
    """Return the bits a sample by what Pillow's decoders were told; 8 if they were told nothing."""
    bits = [8]
    for tile in getattr(image, "tile", []):
        arguments = tile[3] if isinstance(tile[3], tuple) else (tile[3],)
        bits += [int(found) for found in _RAW_BITS.findall(str(arguments[0]) if arguments else "")]
        # The decoders of PPM are told the largest sample.
        if tile[0].startswith("ppm") and len(arguments) > 1:
            bits.append(int(arguments[1]).bit_length())
    return max(bits)


def _unfit_profile(image: Image.Image) -> str | None:
    """Return the ICC profile in words if it does not fit the picture's colors."""
    icc = image.info.get("icc_profile")
    if not isinstance(icc, bytes) or not icc:
        return None
    gray = is_gray(image)
    if icc_fits(icc, is_gray=gray):
        return None
    space = icc_space(icc)
    if space is None:
        return "a damaged ICC profile"
    return f"an ICC profile for {space} on {'gray' if gray else 'RGB'} pixels"


def is_gray(image: Image.Image) -> bool:
    """Return whether an image has brightness alone, beside alpha."""
    return image.mode in (*GRAY_MODES, *_DEEP_MODES)


def _goes_by_numbers(image: Image.Image, samples: StoredSamples) -> bool:
    """Return whether colors are told by numbers of AVIF, HEIC or PNG, and are not sRGB's."""
    if image.info.get("icc_profile") or "srgb" in image.info:
        return False
    gamma = image.info.get("gamma", _SRGB_GAMMA)
    points = image.info.get("chromaticity", _SRGB_CHROMATICITIES)
    if not isinstance(gamma, float) or not isinstance(points, tuple):
        return samples.wide
    far = any(abs(a - b) > 0.005 for a, b in zip(points, _SRGB_CHROMATICITIES, strict=False))
    return samples.wide or abs(gamma - _SRGB_GAMMA) > 0.005 or (far and not is_gray(image))


def _extra_channels(image: Image.Image) -> bool:
    """Return whether a TIFF has channels that are neither colors nor alpha."""
    tags = getattr(image, "tag_v2", None)
    used = len([band for band in image.getbands() if band != "X"])
    return tags is not None and int(tags.get(_TIFF_SAMPLES, 1)) > used


def _has_iptc(image: Image.Image) -> bool:
    photoshop = image.info.get("photoshop")
    if isinstance(photoshop, dict) and photoshop.get(_PHOTOSHOP_IPTC):
        return True
    tags = getattr(image, "tag_v2", None)
    return "Raw profile type iptc" in image.info or (tags is not None and _TIFF_IPTC in tags)
