"""A picture's alpha and metadata as sections of a .vqz file."""

from __future__ import annotations

import zlib
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from vqzip.codec.tiles import Box
from vqzip.container.fields import (
    KIND_ALPHA,
    KIND_EXIF,
    KIND_ICC,
    KIND_PACKED_EXIF,
    KIND_PACKED_ICC,
    KIND_PACKED_XMP,
    KIND_XMP,
    MAX_METADATA_BYTES,
    Header,
    Section,
)
from vqzip.errors import InvalidFile, LimitExceeded
from vqzip.pictures.alpha import decode_alpha, encode_alpha
from vqzip.pictures.metadata import check_sizes
from vqzip.pictures.picture import Metadata, Picture


class Sections(Protocol):
    """A file, or its front."""

    @property
    def header(self) -> Header:
        """The fields of its header."""

    def section(self, kind: int, /) -> bytes | None:
        """Return the payload of a section, or None if the file has no section of this kind."""


PACKED_FROM_BYTES = 4096
"""Smaller items are not packed: it would save little, and every reader of version 1 can read them."""


def sections_of(picture: Picture) -> tuple[Section, ...]:
    """Return the sections that a picture needs.

    Raises:
        PictureError: an item of metadata is too large.
    """
    metadata = picture.metadata
    check_sizes(metadata)
    items = (
        (KIND_ICC, KIND_PACKED_ICC, metadata.icc),
        (KIND_EXIF, KIND_PACKED_EXIF, metadata.exif),
        (KIND_XMP, KIND_PACKED_XMP, metadata.xmp),
    )
    sections = [_metadata_section(*item[:2], item[2]) for item in items if item[2] is not None]
    if picture.alpha is not None:
        sections.insert(0, Section(KIND_ALPHA, encode_alpha(picture.alpha)))
    return tuple(sections)


def with_sections(pixels: NDArray[np.uint8], file: Sections, box: Box) -> Picture:
    """Return decoded pixels as a picture with the alpha and metadata of its file.

    Args:
        pixels: of `box`.
        file: the file with the sections.
        box: part of the picture.

    Raises:
        InvalidFile: the alpha section is damaged.
    """
    alpha = alpha_of(file)
    alpha = None if alpha is None else alpha[box.slices].copy()
    return Picture(pixels, alpha, metadata_of(file))


def alpha_of(file: Sections) -> NDArray[np.uint8] | None:
    """Return the alpha of a file, `(H, W)`; None if it has none.

    Raises:
        InvalidFile: the alpha section is damaged.
    """
    packed = file.section(KIND_ALPHA)
    return None if packed is None else decode_alpha(packed, file.header.width, file.header.height)


def metadata_of(file: Sections) -> Metadata:
    """Return the metadata of a file.

    Raises:
        InvalidFile: a packed item is damaged or too large.
    """
    return Metadata(
        _metadata_item(file, KIND_ICC, KIND_PACKED_ICC),
        _metadata_item(file, KIND_EXIF, KIND_PACKED_EXIF),
        _metadata_item(file, KIND_XMP, KIND_PACKED_XMP),
    )


def _metadata_section(plain: int, packed: int, item: bytes) -> Section:
    """Return the section of an item, packed if it is large and becomes smaller."""
    if len(item) < PACKED_FROM_BYTES:
        return Section(plain, item)
    smaller = zlib.compress(item, 9)
    return Section(packed, smaller) if len(smaller) < len(item) else Section(plain, item)


def _metadata_item(file: Sections, plain: int, packed: int) -> bytes | None:
    """Return an item of metadata, None if the file has none.

    Raises:
        InvalidFile: it is packed, and damaged or too large.
    """
    payload = file.section(packed)
    if payload is None:
        return file.section(plain)
    inflater = zlib.decompressobj()
    try:
        item = inflater.decompress(payload, MAX_METADATA_BYTES + 1)
    except zlib.error as error:
        raise InvalidFile("packed metadata are damaged; download the file again.") from error
    if len(item) > MAX_METADATA_BYTES:
        raise LimitExceeded(f"packed metadata hold more than {MAX_METADATA_BYTES} bytes.")
    if not inflater.eof or inflater.unused_data:
        raise InvalidFile("packed metadata have the wrong length; download the file again.")
    return item
