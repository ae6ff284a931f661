"""A picture in memory: pixels, transparency and metadata."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from vqzip.errors import PictureError

Bytes2D = NDArray[np.uint8]
"""An array of 8-bit samples, `(H, W)` or `(H, W, 3)` as the place says."""


@dataclass(frozen=True)
class Metadata:
    """Metadata of a picture, as uninterpreted bytes.

    Args:
        icc: ICC profile of the picture's own mode (RGB or gray).
        exif: EXIF as a TIFF structure, without the `Exif\\0\\0` that JPEG puts in front;
            orientation 1 (upright) if it has one.
        xmp: XMP packet, UTF-8.
    """

    icc: bytes | None = None
    exif: bytes | None = None
    xmp: bytes | None = None


NO_METADATA = Metadata()


@dataclass(frozen=True, eq=False)
class Picture:
    """Pixels, transparency, metadata.

    Args:
        pixels: uint8, `(H, W, 3)` in RGB or `(H, W)` in gray, upright.
        alpha: uint8 `(H, W)`, 255 is opaque; None when all of the picture is.
        metadata: ICC, EXIF, XMP.

    Raises:
        PictureError: shapes or types do not fit, or there is no pixel.
    """

    pixels: Bytes2D
    alpha: Bytes2D | None = None
    metadata: Metadata = NO_METADATA

    def __post_init__(self) -> None:
        shape = self.pixels.shape
        if self.pixels.dtype != np.uint8 or shape[2:] not in ((), (3,)) or len(shape) < 2:
            raise PictureError(
                f"pixels must be uint8 (H, W) or (H, W, 3), got {self.pixels.dtype} {shape}."
            )
        if 0 in shape:
            raise PictureError(f"a picture needs at least one pixel, got the shape {shape}.")
        alpha = self.alpha
        if alpha is not None and (alpha.dtype != np.uint8 or alpha.shape != shape[:2]):
            raise PictureError(f"alpha must be uint8 {shape[:2]}, got {alpha.dtype} {alpha.shape}.")

    @property
    def width(self) -> int:
        """Columns."""
        return int(self.pixels.shape[1])

    @property
    def height(self) -> int:
        """Rows."""
        return int(self.pixels.shape[0])

    @property
    def is_gray(self) -> bool:
        """Whether there is one channel, not three."""
        return self.pixels.ndim == 2
