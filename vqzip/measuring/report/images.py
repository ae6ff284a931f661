"""Pictures inside the report's page, as addresses that hold their bytes."""

from __future__ import annotations

import base64
import io

import numpy as np

from vqzip.measuring.metrics.metric import Pixels
from vqzip.pictures.picture import Picture
from vqzip.pictures.write import image_from_picture

QUALITIES = (92, 85, 75, 60, 45)
"""Of AVIF, from nearly lossless; the first that fits is taken."""


def fitted(pixels: Pixels, most_bytes: float) -> str:
    """Return an address that holds a picture in about so many bytes, or in a few more.

    It is AVIF without subsampling of colors, so that differences of pictures are seen, or JPEG where
    Pillow has no AVIF.
    """
    image = image_from_picture(Picture(pixels))
    for quality in QUALITIES:
        file = io.BytesIO()
        try:
            image.save(file, "AVIF", quality=quality, subsampling="4:4:4", speed=9)
            kind = "avif"
        except (KeyError, OSError):
            image.save(file, "JPEG", quality=quality, subsampling=0)
            kind = "jpeg"
        if file.tell() <= most_bytes:
            break
    return _address(file.getvalue(), kind)


def gray_map(values: Pixels) -> str:
    """Return an address that holds numbers from 0 to 255, exactly, `(H, W)` uint8."""
    file = io.BytesIO()
    image_from_picture(Picture(values)).save(file, "PNG", optimize=True)
    return _address(file.getvalue(), "png")


def stored(data: bytes) -> str | None:
    """Return an address that holds a file as it is; None if browsers do not show its format."""
    starts = {b"\xff\xd8\xff": "jpeg", b"RIFF": "webp", b"\x89PNG": "png"}
    for start, kind in starts.items():
        if data.startswith(start):
            return _address(data, kind)
    return _address(data, "avif") if data[4:12] == b"ftypavif" else None


def _address(data: bytes, kind: str) -> str:
    return f"data:image/{kind};base64,{base64.b64encode(data).decode('ascii')}"


def smaller(pixels: Pixels) -> Pixels:
    """Return a picture of half the height and width: means of 2 x 2 pixels."""
    height, width = pixels.shape[0] // 2 * 2, pixels.shape[1] // 2 * 2
    if not height or not width:
        return pixels
    blocks = pixels[:height, :width].reshape(height // 2, 2, width // 2, 2, *pixels.shape[2:])
    means: Pixels = np.rint(blocks.mean((1, 3), dtype=np.float32)).astype(np.uint8)
    return means
