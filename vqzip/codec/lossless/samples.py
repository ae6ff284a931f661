"""Pictures as planes of samples, and the samples of a tile as two payloads."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from vqzip.prior.pixels.backend import PixelBackend, Samples
from vqzip.prior.pixels.spec import COARSE_STRIDE

STREAMS = (0, 1)
"""The stream of each level: the coarse samples, then all others."""

DEPTH = 8

_GREEN_FIRST = (1, 0, 2)
"""Green has most of the brightness, so the other planes are predicted from it."""


def planes_of(pixels: NDArray[np.uint8]) -> Samples:
    """Return `(H, W)` or `(H, W, 3)` pixels as planes: gray, or green, red, blue."""
    planes = pixels[None] if pixels.ndim == 2 else pixels.transpose(2, 0, 1)[list(_GREEN_FIRST)]
    return planes.astype(np.uint16)


def pixels_of(planes: Samples) -> NDArray[np.uint8]:
    """Return planes as `(H, W)` or `(H, W, 3)` pixels."""
    pixels: NDArray[np.uint8] = planes.astype(np.uint8)
    if len(pixels) == 1:
        gray: NDArray[np.uint8] = pixels[0]
        return gray
    return np.ascontiguousarray(pixels[list(_GREEN_FIRST)].transpose(1, 2, 0))


def encode_tile(backend: PixelBackend, samples: Samples) -> tuple[bytes, bytes]:
    """Return the payloads of a tile: its coarse samples, and all others."""
    coarse = np.ascontiguousarray(samples[:, ::COARSE_STRIDE, ::COARSE_STRIDE])
    return backend.write(coarse, DEPTH, 0), backend.write(samples, DEPTH, COARSE_STRIDE)


def decode_coarse(backend: PixelBackend, payload: bytes, shape: tuple[int, int, int]) -> Samples:
    """Return the coarse samples of a tile.

    Args:
        backend: of the model.
        payload: of the first stream.
        shape: (planes, rows, columns) of the tile.

    Raises:
        InvalidFile: the payload is damaged.
    """
    planes, height, width = shape
    coarse = np.zeros((planes, -(-height // COARSE_STRIDE), -(-width // COARSE_STRIDE)), np.uint16)
    backend.read(payload, coarse, DEPTH, 0)
    return coarse


def decode_fine(
    backend: PixelBackend, payload: bytes, coarse: Samples, shape: tuple[int, int, int]
) -> Samples:
    """Return all samples of a tile, given its coarse ones; see `decode_coarse`."""
    samples = np.zeros(shape, np.uint16)
    samples[:, ::COARSE_STRIDE, ::COARSE_STRIDE] = coarse
    backend.read(payload, samples, DEPTH, COARSE_STRIDE)
    return samples


def between(coarse: Samples, height: int, width: int) -> Samples:
    """Return a preview of a whole picture: lines between its coarse samples.

    Args:
        coarse: `(planes, H / 16, W / 16)`, sizes rounded up.
        height: of the picture.
        width: of the picture.
    """
    rows = _between(coarse.astype(np.float64), height, axis=1)
    return np.rint(_between(rows, width, axis=2)).astype(np.uint16)


def _between(values: NDArray[np.float64], length: int, axis: int) -> NDArray[np.float64]:
    at = np.arange(length) / COARSE_STRIDE
    first = at.astype(np.intp)
    second = np.minimum(first + 1, values.shape[axis] - 1)
    shape = [1, 1, 1]
    shape[axis] = length
    share = (at - first).reshape(shape)
    result: NDArray[np.float64] = values.take(first, axis) * (1 - share)
    result += values.take(second, axis) * share
    return result
