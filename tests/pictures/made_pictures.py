"""Pictures for the tests, made in code."""

from __future__ import annotations

import io
import struct
from typing import Any

import numpy as np
from PIL import Image

from vqzip.pictures.picture import Bytes2D

NO_LIMIT = 1 << 40


def gradient(height: int = 24, width: int = 33) -> Bytes2D:
    """RGB `(H, W, 3)`, no two pixels alike in small sizes, no symmetry."""
    rows, columns = np.mgrid[:height, :width]
    return np.stack(
        [
            rows * 255 // max(1, height - 1),
            columns * 255 // max(1, width - 1),
            rows * columns % 251,
        ],
        axis=2,
    ).astype(np.uint8)


def ramp(height: int = 24, width: int = 33) -> Bytes2D:
    """Gray or alpha `(H, W)`."""
    return gradient(height, width)[..., 1]


def encoded(image: Image.Image, image_format: str = "PNG", **options: Any) -> bytes:
    file = io.BytesIO()
    image.save(file, image_format, **options)
    return file.getvalue()


def exif_with_orientation(orientation: int, *, big_endian: bool = False) -> bytes:
    """EXIF of a make, an orientation and a tag that nobody knows, without prefix."""
    order, mark = (">", b"MM\0*") if big_endian else ("<", b"II*\0")
    make = b"Maker\0"
    entries = [
        struct.pack(f"{order}HHII", 0x010F, 2, len(make), 8 + 2 + 3 * 12 + 4),
        struct.pack(f"{order}HHIHH", 0x0112, 3, 1, orientation, 0),
        struct.pack(f"{order}HHII", 0xC123, 4, 1, 4711),
    ]
    directory = struct.pack(f"{order}H", len(entries)) + b"".join(entries) + bytes(4)
    return mark + struct.pack(f"{order}I", 8) + directory + make


def icc_profile(space: bytes = b"RGB ") -> bytes:
    """An ICC header of a color space, without tags: enough for who looks at headers only."""
    header = bytearray(132)
    header[:4] = struct.pack(">I", len(header))
    header[16:20] = space
    header[36:40] = b"acsp"
    return bytes(header)
