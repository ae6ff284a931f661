"""The CDF 9/7 wavelet and the color basis on arrays; `wavelet.transform` is the same in torch.

Lifting changes arrays in place, so that a picture passes through memory as few times as possible.
"""

from __future__ import annotations

import numpy as np

from vqzip.autoencoders.spec import (
    CENTER,
    COLOR_BASIS,
    COLORS,
    LOW_GAIN,
    PREDICT_1,
    PREDICT_2,
    UPDATE_1,
    UPDATE_2,
)
from vqzip.autoencoders.transform import Floats

ROWS, COLUMNS = 1, 2
"""Axes of `(channels, rows, columns)`."""


def color_basis() -> Floats:
    """Return the nearest orthonormal matrix to `COLOR_BASIS` (polar decomposition), `(3, 3)`."""
    u, _, vh = np.linalg.svd(np.array(COLOR_BASIS))
    basis: Floats = (u @ vh).astype(np.float32)
    return basis


COLOR = color_basis()


def planes_of(pixels: Floats) -> Floats:
    """Return pixels around zero in the color basis, `(3, H, W)`."""
    return _mixed(COLOR, pixels - np.float32(CENTER))


def pixels_of(planes: Floats) -> Floats:
    """Return the pixels of planes, not clipped."""
    pixels = _mixed(COLOR.T, planes)
    pixels += np.float32(CENTER)
    return pixels


def _mixed(matrix: Floats, x: Floats) -> Floats:
    # A matrix product without BLAS, whose results depend on threads and processors.
    mixed = np.empty_like(x)
    for row, out in zip(matrix, mixed, strict=True):
        np.multiply(x[0], row[0], out=out)
        for plane, factor in zip(x[1:], row[1:], strict=True):
            out += plane * factor
    return mixed


def split(planes: Floats, decompositions: int) -> list[Floats]:
    """Return the subbands of planes `(3, H, W)`, coarse first.

    The first is `(3, h, w)`, others `(9, h, w)`: color-major, in a color LH (horizontal low), HL, HH.
    """
    low, details = planes, []
    for _ in range(decompositions):
        left, right = _analyzed(low, COLUMNS)
        low, lh = _analyzed(left, ROWS)
        hl, hh = _analyzed(right, ROWS)
        details.append(np.stack([lh, hl, hh], 1).reshape(-1, *lh.shape[1:]))
    return [low, *reversed(details)]


def joined(low: Floats, details: Floats) -> Floats:
    """Return the low band `(3, 2h, 2w)` that one and its details `(9, h, w)` make."""
    lh, hl, hh = details.reshape(COLORS, 3, *details.shape[1:]).swapaxes(0, 1)
    return _synthesized(_synthesized(low, lh, ROWS), _synthesized(hl, hh, ROWS), COLUMNS)


def _analyzed(x: Floats, axis: int) -> tuple[Floats, Floats]:
    """Split an axis of even length into low and high band, each half as long."""
    even, odd = _phases(x, axis)
    low, high = even.copy(), odd.copy()
    _lift(high, low, PREDICT_1, axis, onward=True)
    _lift(low, high, UPDATE_1, axis, onward=False)
    _lift(high, low, PREDICT_2, axis, onward=True)
    _lift(low, high, UPDATE_2, axis, onward=False)
    low *= np.float32(LOW_GAIN)
    high /= np.float32(LOW_GAIN)
    return low, high


def _synthesized(low: Floats, high: Floats, axis: int) -> Floats:
    """Undo `_analyzed`."""
    low, high = low / np.float32(LOW_GAIN), high * np.float32(LOW_GAIN)
    _lift(low, high, -UPDATE_2, axis, onward=False)
    _lift(high, low, -PREDICT_2, axis, onward=True)
    _lift(low, high, -UPDATE_1, axis, onward=False)
    _lift(high, low, -PREDICT_1, axis, onward=True)
    shape = list(low.shape)
    shape[axis] *= 2
    x = np.empty(shape, np.float32)
    even, odd = _phases(x, axis)
    even[...], odd[...] = low, high
    return x


def _phases(x: Floats, axis: int) -> tuple[Floats, Floats]:
    """Return the even and the odd samples of an axis."""
    return (x[:, ::2], x[:, 1::2]) if axis == ROWS else (x[:, :, ::2], x[:, :, 1::2])


def _lift(target: Floats, source: Floats, factor: float, axis: int, *, onward: bool) -> None:
    """Add `factor` times the sum of both neighbors of the other phase; the last one is repeated.

    Args:
        target: changed in place.
        source: the other phase.
        factor: of the sum.
        axis: of the neighbors.
        onward: whether the second neighbor is the next sample of `source`, or the one before.
    """
    first, second = (slice(None, -1), slice(1, None))
    here, there, edge = (first, second, -1) if onward else (second, first, 0)
    total = source.copy()
    # Views with the axis in front; what is written to them is written to `total`.
    sums, samples = np.moveaxis(total, axis, 0), np.moveaxis(source, axis, 0)
    sums[here] += samples[there]
    sums[edge] += samples[edge]
    total *= np.float32(factor)
    target += total
