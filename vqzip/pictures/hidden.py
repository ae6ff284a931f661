"""Colors under transparent pixels: they are invisible, so they are replaced by colors that cost few bits.

Programs leave anything there: black, noise, a removed background. A transform would mix it into the pixels
beside it, and it would cost bits. Instead, the visible colors are continued smoothly.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from vqzip.pictures.picture import Picture

_SMOOTHINGS = 6
"""Number of averaging passes at each size; more would change little."""
_FEWEST_PIXELS = 2

Colors = NDArray[np.float32]
"""`(H, W, channels)`, 0 to 255."""
Mask = NDArray[np.bool_]


def visible_pixels(picture: Picture) -> Mask | None:
    """Return `(H, W)`, whether a pixel is at least partly opaque; None when all of them are."""
    if picture.alpha is None:
        return None
    visible = picture.alpha > 0
    return None if bool(visible.all()) else visible


def with_hidden_filled(picture: Picture) -> Picture:
    """Return a picture whose colors under alpha 0 follow from the visible ones alone.

    The picture itself where nothing is hidden; gray 128 where everything is.
    """
    visible = visible_pixels(picture)
    if visible is None:
        return picture
    if not visible.any():
        return replace(picture, pixels=np.full_like(picture.pixels, 128))
    pixels = picture.pixels.reshape(picture.height, picture.width, -1)
    colors = np.where(visible[..., None], pixels, 0).astype(np.float32)
    filled = np.rint(_filled(colors, visible)).clip(0, 255).astype(np.uint8)
    filled[visible] = pixels[visible]
    return replace(picture, pixels=filled.reshape(picture.pixels.shape))


def _filled(colors: Colors, known: Mask) -> Colors:
    """Return colors where those that are not known were computed from those that are.

    First at half the size, and so on until all pixels are known or there are few; then each size is
    begun with the smaller one, and smoothed.
    """
    height, width = known.shape
    if known.all() or max(height, width) < _FEWEST_PIXELS:
        return colors
    coarse = _filled(*_halved(colors, known))
    rows = np.linspace(0, coarse.shape[0] - 1, height) if height > 1 else np.zeros(1)
    columns = np.linspace(0, coarse.shape[1] - 1, width) if width > 1 else np.zeros(1)
    out = np.where(known[..., None], colors, _interpolated(coarse, rows, columns))
    hidden = ~known
    for _ in range(_SMOOTHINGS):
        padded = np.pad(out, ((1, 1), (1, 1), (0, 0)), mode="edge")
        around = padded[:-2, 1:-1] + padded[2:, 1:-1] + padded[1:-1, :-2] + padded[1:-1, 2:]
        out[hidden] = around[hidden] / 4
    return out


def _halved(colors: Colors, known: Mask) -> tuple[Colors, Mask]:
    """Return the means of the known colors in blocks of 2 x 2, and which blocks have one."""
    even = ((0, known.shape[0] % 2), (0, known.shape[1] % 2))
    weights = np.pad(known, even).astype(np.float32)
    sums = np.pad(np.where(known[..., None], colors, 0), (*even, (0, 0)))
    counts = weights[::2, ::2] + weights[1::2, ::2] + weights[::2, 1::2] + weights[1::2, 1::2]
    total = sums[::2, ::2] + sums[1::2, ::2] + sums[::2, 1::2] + sums[1::2, 1::2]
    return (total / np.maximum(counts, 1)[..., None]).astype(np.float32), counts > 0


def _interpolated(
    coarse: Colors, rows: NDArray[np.float64], columns: NDArray[np.float64]
) -> Colors:
    """Return colors at fractional places of a grid, linearly between its four points."""
    top, left = rows.astype(np.intp), columns.astype(np.intp)
    bottom = np.minimum(top + 1, coarse.shape[0] - 1)
    right = np.minimum(left + 1, coarse.shape[1] - 1)
    down = (rows - top).astype(np.float32)[:, None, None]
    along = (columns - left).astype(np.float32)[None, :, None]
    upper = coarse[top][:, left] * (1 - along) + coarse[top][:, right] * along
    lower = coarse[bottom][:, left] * (1 - along) + coarse[bottom][:, right] * along
    return np.asarray(upper * (1 - down) + lower * down, np.float32)
