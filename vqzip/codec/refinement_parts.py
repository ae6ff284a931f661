"""Parts of a picture whose codes are refined: stream tiles padded to whole context tiles."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from vqzip.autoencoders.config import VqvaeConfig
from vqzip.codec.tile_streams import get_tile
from vqzip.codec.tiles import Tile
from vqzip.codes import Codes
from vqzip.hierarchy import CONTEXT_TILE


@dataclass(frozen=True)
class Part:
    """A stream tile, padded to whole context tiles.

    Args:
        pixels: `(1, 3, H, W)`, 0 to 255.
        weight: `(1, 1, H, W)`, 1 where the error of a pixel counts.
        codes: float `(1, C, h, w)` a level, where the search starts.
        free: `(1, C, h, w)` a level, 1 where a code may move and is paid for.
        step: of the quantizer, in pixel values.
        gray: whether the picture has one channel.
    """

    pixels: Tensor
    weight: Tensor
    codes: list[Tensor]
    free: list[Tensor]
    step: float
    gray: bool


def part_of(
    config: VqvaeConfig,
    pixels: NDArray[np.uint8],
    codes: Codes,
    tile: Tile,
    visible: NDArray[np.bool_] | None,
) -> Part:
    """Return a stream tile of a picture, padded to whole context tiles.

    Args:
        config: of the model.
        pixels: of the picture, `(H, W, 3)` or `(H, W)`.
        codes: of the picture.
        tile: of the picture.
        visible: `(H, W)`, the pixels whose error counts; None for all.
    """
    below, right = -tile.height % CONTEXT_TILE, -tile.width % CONTEXT_TILE
    cut = pixels[tile.slices]
    shown = np.ones(cut.shape[:2], np.float32) if visible is None else visible[tile.slices]
    if cut.ndim == 2:
        cut = np.repeat(cut[:, :, None], 3, 2)
    cut = np.pad(cut, ((0, below), (0, right), (0, 0)), mode="edge")
    weight = np.pad(shown.astype(np.float32), ((0, below), (0, right)))
    levels, free = [], []
    for number, (level, tiled) in enumerate(
        zip(config.levels, get_tile(codes, config, tile), strict=True)
    ):
        known = torch.from_numpy(tiled.copy()).float()
        height = (tile.height + below) // level.stride - known.shape[1]
        width = (tile.width + right) // level.stride - known.shape[2]
        may_move = torch.ones_like(known)
        if codes.gray:
            may_move[config.luma(number) :] = 0
        levels.append(functional.pad(known, (0, width, 0, height))[None])
        free.append(functional.pad(may_move, (0, width, 0, height))[None])
    return Part(
        torch.from_numpy(cut).permute(2, 0, 1)[None].float(),
        torch.from_numpy(weight)[None, None],
        levels,
        free,
        config.step(codes.quality),
        codes.gray,
    )


def to_context_tiles(level: Tensor, stride: int) -> Tensor:
    """Cut `(1, C, h, w)` into context tiles `(T, C, t, t)`, in raster order."""
    side = CONTEXT_TILE // stride
    _, channels, height, width = level.shape
    grid = level.reshape(channels, height // side, side, width // side, side)
    return grid.permute(1, 3, 0, 2, 4).reshape(-1, channels, side, side)


def from_context_tiles(tiles: Tensor, height: int, width: int) -> Tensor:
    """Undo `to_context_tiles`: `(1, C, height, width)`."""
    _, channels, side, _ = tiles.shape
    grid = tiles.reshape(height // side, width // side, channels, side, side)
    return grid.permute(2, 0, 3, 1, 4).reshape(1, channels, height, width)
