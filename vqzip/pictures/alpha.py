"""Lossless coding of the alpha channel: a predictor chosen row by row, then zlib.

As in PNG (section 9 of its specification), each row is stored as the difference to a prediction,
modulo 256, behind a byte that names the predictor. The predictors are those that can be undone by
whole-row sums: none, left, above, and left + above - upper left.
"""

from __future__ import annotations

import zlib

import numpy as np
from numpy.typing import NDArray

from vqzip.errors import InvalidFile, LimitExceeded
from vqzip.pictures.picture import Bytes2D

NONE, LEFT, ABOVE, GRADIENT = range(4)

ROWS_AT_ONCE = 256
"""Number of rows that are filtered together; it limits memory and does not affect the bytes."""


def encode_alpha(alpha: Bytes2D) -> bytes:
    """Return the payload of an alpha section.

    Args:
        alpha: uint8 `(H, W)`.
    """
    # Masks with few values and hard edges are smaller without prediction, so try both.
    return min(_deflate(alpha, (NONE,)), _deflate(alpha, (NONE, LEFT, ABOVE, GRADIENT)), key=len)


def decode_alpha(data: bytes, width: int, height: int) -> Bytes2D:
    """Return the alpha channel `(height, width)` of an alpha section.

    Memory is limited by the requested size, whatever the data expand to.

    Raises:
        InvalidFile: the data are damaged or of another size.
    """
    expected = height * (width + 1)
    inflater = zlib.decompressobj()
    try:
        rows = inflater.decompress(data, expected + 1)
    except zlib.error as error:
        raise InvalidFile("the alpha section is damaged; download the file again.") from error
    if len(rows) > expected:
        raise LimitExceeded(f"the alpha section holds more than {width} x {height} samples.")
    if len(rows) < expected or not inflater.eof or inflater.unused_data:
        raise InvalidFile("the alpha section has the wrong length; download the file again.")
    filtered = np.frombuffer(rows, np.uint8).reshape(height, width + 1)
    if int(filtered[:, 0].max()) > GRADIENT:
        raise InvalidFile("the alpha section has an unknown predictor; download the file again.")
    return _undo_filters(filtered)


def _deflate(alpha: Bytes2D, predictors: tuple[int, ...]) -> bytes:
    deflater = zlib.compressobj(level=9)
    parts = []
    above = np.zeros_like(alpha[:1])
    for top in range(0, len(alpha), ROWS_AT_ONCE):
        rows = alpha[top : top + ROWS_AT_ONCE]
        parts.append(deflater.compress(_filter(rows, above, predictors).tobytes()))
        above = rows[-1:]
    return b"".join([*parts, deflater.flush()])


def _filter(rows: Bytes2D, above: Bytes2D, predictors: tuple[int, ...]) -> Bytes2D:
    """Return `(H, 1 + W)`: for each row the predictor with the least sum of absolute residuals."""
    padded = np.pad(np.concatenate([above, rows]), ((0, 0), (1, 0)))
    upper, left, upper_left = padded[:-1, 1:], padded[1:, :-1], padded[:-1, :-1]
    predictions: dict[int, Bytes2D | int] = {
        NONE: 0,
        LEFT: left,
        ABOVE: upper,
        GRADIENT: left + upper - upper_left,
    }
    residuals = np.stack([rows - predictions[number] for number in predictors])
    # 255 means -1: residuals near zero on both sides are small.
    magnitudes = np.minimum(residuals, 0 - residuals).sum(axis=2, dtype=np.int64)
    chosen: NDArray[np.int64] = magnitudes.argmin(axis=0)
    best = residuals[chosen, np.arange(len(rows))]
    names = np.asarray(predictors, np.uint8)[chosen]
    return np.concatenate([names[:, None], best], axis=1)


def _undo_filters(filtered: Bytes2D) -> Bytes2D:
    residuals = filtered[:, 1:]
    alpha = np.empty_like(residuals)
    above = np.zeros(residuals.shape[1], np.uint8)
    for number, predictor in enumerate(filtered[:, 0]):
        row = residuals[number]
        if predictor in (LEFT, GRADIENT):
            row = np.add.accumulate(row, dtype=np.uint8)
        if predictor in (ABOVE, GRADIENT):
            row = row + above
        alpha[number] = above = row
    return alpha
