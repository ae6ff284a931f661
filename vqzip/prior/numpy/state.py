"""The running state: the information of finer levels about the coarser levels."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from vqzip.prior.numpy.context import CodeContext, chunks
from vqzip.prior.numpy.layers import LevelLayers
from vqzip.prior.numpy.products import activate
from vqzip.prior.numpy.windows import square_taps
from vqzip.prior.order import Order


def next_state(
    layers: LevelLayers,
    order: Order,
    state: NDArray[np.int16],
    context: CodeContext,
    condition: int,
) -> NDArray[np.int16]:
    """Return the running state for the next level.

    Every layer sees zeros outside the context tile and outside the picture, whether of states,
    features or hidden activations.

    Args:
        layers: of the known level.
        order: the order of its positions.
        state: `(H, W, channels)` int16, the state of the level.
        context: the level's codes.
        condition: row of the biases: quality step and mode.

    Returns:
        `(H, W, next)` int16, or `(2H, 2W, next)` where the stride halves.
    """
    windows = context.windows
    padded = windows.zeros(state.shape[2] + context.features.shape[1], np.float32)
    padded[:, state.shape[2] :] = context.features
    padded[windows.index, : state.shape[2]] = state[order.rows, order.columns]
    values = np.empty((order.positions, 0), np.float32)
    kernels = layers.prior.update_kernels
    for number, (layer, kernel) in enumerate(zip(layers.update, kernels, strict=True)):
        if number:
            padded = windows.zeros(values.shape[1], np.float32)
            padded[windows.index] = values
        offsets = windows.offsets(square_taps(kernel))
        values = np.empty((order.positions, layer.outputs), np.float32)
        for span in chunks(order.positions):
            sums = layer.sums(windows.gather(padded, offsets, span), condition)
            activate(sums, out=values[span])
    updated = np.empty((order.height, order.width, values.shape[1]), np.int16)
    updated[order.rows, order.columns] = values
    return _pixel_shuffle(updated) if layers.prior.upsample else updated


def _pixel_shuffle(state: NDArray[np.int16]) -> NDArray[np.int16]:
    """Return `(2H, 2W, C)` from `(H, W, 4C)`: channel 4c + 2a + b goes to (2i + a, 2j + b)."""
    height, width, channels = state.shape
    blocks = state.reshape(height, width, channels // 4, 2, 2)
    spread = blocks.transpose(0, 3, 1, 4, 2)
    return np.ascontiguousarray(spread.reshape(2 * height, 2 * width, channels // 4))
