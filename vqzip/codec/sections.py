"""A picture's alpha and metadata as sections of a .vqz file."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from vqzip.codec.tiles import Box
from vqzip.container.fields import (
    KIND_ALPHA,
    KIND_EXIF,
    KIND_ICC,
    KIND_XMP,
    Section,
    VqzFile,
)
from vqzip.pictures.alpha import decode_alpha, encode_alpha
from vqzip.pictures.metadata import check_sizes
from vqzip.pictures.picture import Metadata, Picture


def sections_of(picture: Picture) -> tuple[Section, ...]:
    """Return the sections that a picture has need of.

    Raises:
        PictureError: an item of metadata is too large.
    """
    metadata = picture.metadata
    check_sizes(metadata)
    contents = (
        (KIND_ALPHA, None if picture.alpha is None else encode_alpha(picture.alpha)),
        (KIND_ICC, metadata.icc),
        (KIND_EXIF, metadata.exif),
        (KIND_XMP, metadata.xmp),
    )
    return tuple(Section(kind, payload) for kind, payload in contents if payload is not None)


def with_sections(pixels: NDArray[np.uint8], file: VqzFile, box: Box) -> Picture:
    """Return decoded pixels as a picture with the alpha and metadata of its file.

    Args:
        pixels: of `box`.
        file: holds the sections.
        box: part of the picture.

    Raises:
        InvalidFile: the alpha section is damaged.
    """
    packed = file.section(KIND_ALPHA)
    alpha = None
    if packed is not None:
        alpha = decode_alpha(packed, file.header.width, file.header.height)[box.slices].copy()
    metadata = Metadata(file.section(KIND_ICC), file.section(KIND_EXIF), file.section(KIND_XMP))
    return Picture(pixels, alpha, metadata)
