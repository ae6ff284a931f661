"""Names the parts of a picture file that a .vqz file does not keep, for warnings."""

from __future__ import annotations

import re
from collections.abc import Sequence

from PIL import Image

from vqzip.pictures.colors import PRINT_MODES, SIXTEEN_BIT_MODES
from vqzip.pictures.containers.findings import Findings
from vqzip.pictures.metadata import icc_fits, icc_space, profile_of

MORE_BITS = "more than 8 bits a sample"
_DEEP_MODES = (*SIXTEEN_BIT_MODES, "I", "F")
_RAW_BITS = re.compile(r"(?<!BGR);(\d+)")
"""`RGB;16B` has 16 bits a sample, `BGR;16` has 16 a pixel."""
_TIFF_SAMPLES = 277


def raw_bits(image: Image.Image) -> int:
    """Return the bits per sample from the settings of Pillow's decoders; 8 if they say nothing.

    Args:
        image: opened and not loaded.
    """
    bits = [8]
    for tile in getattr(image, "tile", []):
        arguments = tile[3] if isinstance(tile[3], tuple) else (tile[3],)
        bits += [int(found) for found in _RAW_BITS.findall(str(arguments[0]) if arguments else "")]
    return max(bits)


def losses(image: Image.Image, found: Findings, *, is_gray: bool) -> tuple[str, ...]:
    """Return what of pixels and colors is not kept, and further pictures, as what the file "has".

    Args:
        image: loaded.
        found: in its file.
        is_gray: whether its pixels are used as one channel.
    """
    missing = []
    if found.bits > 8 or image.mode in _DEEP_MODES:
        missing.append(MORE_BITS)
    if image.mode in PRINT_MODES:
        missing.append(f"{image.mode} colors")
    else:
        profile, loss = profile_of(found, is_gray=is_gray)
        if loss is not None:
            missing.append(loss)
        if profile is not None and not icc_fits(profile, is_gray=is_gray):
            missing.append(_unfit_profile(profile, is_gray=is_gray))
    if _extra_channels(image):
        missing.append("extra channels")
    return tuple(dict.fromkeys((*missing, *found.losses)))


def listed(words: Sequence[str]) -> str:
    """Return `a, b and c`."""
    *front, last = words
    return f"{', '.join(front)} and {last}" if front else last


def _unfit_profile(icc: bytes, *, is_gray: bool) -> str:
    """Return in words an ICC profile that does not fit the picture's colors."""
    space = icc_space(icc)
    if space is None:
        return "a damaged ICC profile"
    return f"an ICC profile for {space} on {'gray' if is_gray else 'RGB'} pixels"


def _extra_channels(image: Image.Image) -> bool:
    """Return whether a TIFF has channels that are neither colors nor alpha."""
    tags = getattr(image, "tag_v2", None)
    used = len([band for band in image.getbands() if band != "X"])
    return tags is not None and int(tags.get(_TIFF_SAMPLES, 1)) > used
