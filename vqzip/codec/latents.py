"""Between pixels and codes, a stream tile at a time: the VQ-VAE as the codec uses it.

A tile is transformed together with as many pixels around it as the networks can see, so tiles have no
seams and memory does not grow with the picture.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from vqzip.autoencoders.arithmetic import own_arithmetic
from vqzip.autoencoders.discrete import Vqvae
from vqzip.autoencoders.quantizers.quantizer import CodebookQuantizer
from vqzip.codec.tiles import Box, HaloCrop, TileGrid
from vqzip.codes import Choice, CodebookChoice, GridChoice
from vqzip.configs import GridConfig


class TileLatents:
    """Latents of one stream tile, level after level, as codes are chosen.

    Args:
        vqvae: transform and quantizers.
        pixels: `(1, 3, h, w)` of the crop, 0 to 255.
        place: the crop, and the tile in it.
        size: (height, width) of the tile without padding.
        known: (height, width) of the part of the crop that lies in the picture.
        quality_step: 0 to 56.
        gray: whether the picture has one channel, and so no chroma codes where those are apart.
    """

    def __init__(
        self,
        vqvae: Vqvae,
        pixels: Tensor,
        place: HaloCrop,
        size: tuple[int, int],
        known: tuple[int, int],
        quality_step: int,
        *,
        gray: bool,
    ) -> None:
        self._vqvae, self._place, self._size, self._known = vqvae, place, size, known
        self._gray = gray and vqvae.config.codes_gray_apart
        self._step = vqvae.steps(1, quality_step if vqvae.config.quality is not None else None)
        self._features = vqvae.transform.analyze(pixels, self._step)
        self._quantized: list[Tensor] = []
        self._latents: list[Tensor] = []

    def shape(self, level: int) -> tuple[int, int]:
        """Return (H, W) of the tile's codes at a level."""
        stride = self._vqvae.config.levels[level].stride
        height, width = self._size
        return math.ceil(height / stride), math.ceil(width / stride)

    @own_arithmetic()
    def choice(self, level: int, price: float) -> Choice:
        """Return what the level's codes are chosen by: latents, and the price of a bit.

        Args:
            level: the coarser ones have been chosen.
            price: of a bit, in squared steps (for codebooks: in mean quantization errors).
        """
        price *= self._vqvae.config.levels[level].relative_price
        inner = self._cut(level, self._latent(level))
        quantizer = self._vqvae.quantizers[level]
        if not isinstance(quantizer, CodebookQuantizer):
            return GridChoice((inner / self._step).numpy(force=True), price)
        nearest = quantizer.quantize(inner[None], self._step).z_q[0]
        unit = float((inner - nearest).square().sum(0).mean())
        books = quantizer.codebooks.numpy(force=True)
        return CodebookChoice(inner.numpy(force=True), books, price * unit)

    @own_arithmetic()
    def nearest(self, level: int) -> NDArray[np.int32]:
        """Return the nearest codes `(G * D, H, W)`; a gray picture's luma codes alone."""
        inner = self._cut(level, self._latent(level))
        return self._nearest(level, inner[None])[0].flatten(0, 1).numpy(force=True)

    @own_arithmetic()
    def choose(self, level: int, codes: NDArray[np.int32]) -> None:
        """Take note of a level's codes: finer levels are encoded given them.

        Around the tile the nearest codes stand for those that the neighbors will choose. Beyond the
        picture a grid has no detail, as when it is decoded.
        """
        config = self._vqvae.config
        if not self._vqvae.transform.conditional or level + 1 == len(config.levels):
            return
        quantizer = self._vqvae.quantizers[level]
        around = self._nearest(level, self._latent(level))
        if isinstance(config.levels[level].quantizer, GridConfig):
            height, width = (math.ceil(n / config.levels[level].stride) for n in self._known)
            around[..., height:, :] = 0
            around[..., width:] = 0
        rows, columns = self._inner(level)
        groups, depth = config.levels[level].groups, config.levels[level].depth
        chosen = torch.from_numpy(codes).to(around.device)
        around[0, :, :, rows, columns] = chosen.reshape(groups, depth, *chosen.shape[1:])
        self._quantized.append(quantizer.dequantize(around, self._step))

    def _nearest(self, level: int, latents: Tensor) -> Tensor:
        """Return codes `(1, G, D, h, w)`; a gray picture has no chroma codes."""
        codes = self._vqvae.quantizers[level].quantize(latents, self._step).codes
        if self._gray:
            codes[:, codes.shape[1] // 3 :] = 0
        return codes

    def _latent(self, level: int) -> Tensor:
        """Return the crop's latents `(1, G * dim, h, w)`; each level is computed once."""
        if level == len(self._latents):
            z_e = self._vqvae.transform.latent(level, self._features, self._quantized, self._step)
            self._latents.append(z_e.float())
        return self._latents[level]

    def _cut(self, level: int, crop: Tensor) -> Tensor:
        rows, columns = self._inner(level)
        return crop[0, :, rows, columns]

    def _inner(self, level: int) -> tuple[slice, slice]:
        stride = self._vqvae.config.levels[level].stride
        height, width = self.shape(level)
        top, left = self._place.inner.top // stride, self._place.inner.left // stride
        return slice(top, top + height), slice(left, left + width)


class LatentTransform:
    """Cuts pictures into crops for the VQ-VAE and puts decoded crops together.

    Args:
        vqvae: in evaluation mode.
    """

    def __init__(self, vqvae: Vqvae) -> None:
        self._vqvae = vqvae
        self._align = vqvae.config.align
        self._device = next(iter([*vqvae.parameters(), *vqvae.buffers()])).device

    @own_arithmetic()
    def of_tile(
        self, pixels: NDArray[np.uint8], grid: TileGrid, number: int, quality_step: int
    ) -> TileLatents:
        """Return the latents of a stream tile.

        Args:
            pixels: `(H, W, 3)` or `(H, W)` of the whole picture.
            grid: the picture's stream tiles.
            number: of the tile.
            quality_step: 0 to 56.
        """
        tile, padded = grid[number], self._padded(grid)
        place = padded.with_halo(
            padded[number], halo=self._vqvae.transform.analysis_reach, align=self._align
        )
        cut = pixels[place.crop.slices]
        if cut.ndim == 2:
            cut = np.broadcast_to(cut[:, :, None], (*cut.shape, 3))
        below, right = place.crop.height - cut.shape[0], place.crop.width - cut.shape[1]
        cut = np.pad(cut, ((0, below), (0, right), (0, 0)), mode="edge")
        crop = torch.from_numpy(cut).to(self._device).permute(2, 0, 1)[None].float()
        known = grid.height - place.crop.top, grid.width - place.crop.left
        return TileLatents(
            self._vqvae,
            crop,
            place,
            (tile.height, tile.width),
            known,
            quality_step,
            gray=pixels.ndim == 2,
        )

    def seen(self, box: Box, grid: TileGrid) -> Box:
        """Return the part of the picture whose codes decide the pixels of `box`."""
        reach = self._vqvae.transform.synthesis_reach
        return grid.with_halo(box, halo=reach, align=self._align).crop

    @own_arithmetic()
    def pixels(
        self,
        maps: Sequence[NDArray[np.int32]],
        grid: TileGrid,
        box: Box,
        known: Mapping[int, int],
        *,
        quality_step: int,
        gray: bool,
    ) -> NDArray[np.uint8]:
        """Return the pixels of `box`, `(h, w, 3)` or `(h, w)`.

        Args:
            maps: `(G * D, H, W)` codes of the whole picture, a level each.
            grid: the picture's stream tiles.
            box: what to draw.
            known: by number of a stream tile, how many of its levels are known.
            quality_step: 0 to 56.
            gray: whether one channel is wanted.
        """
        shape = (box.height, box.width) if gray else (box.height, box.width, 3)
        out = np.empty(shape, np.uint8)
        reach = self._vqvae.transform.synthesis_reach
        parts = [tile.overlap(box) for tile in grid.overlapping(box)]
        for part in filter(None, parts):
            place = self._padded(grid).with_halo(part, halo=reach, align=self._align)
            levels = min(known[tile.index] for tile in grid.overlapping(self.seen(part, grid)))
            codes = [self._codes(maps, level, place.crop) for level in range(max(1, levels))]
            step = quality_step if self._vqvae.config.quality is not None else None
            drawn = self._vqvae.decode(codes, step)[0]
            if gray:
                drawn = drawn.mean(0, keepdim=True)
            cut = drawn.permute(1, 2, 0)[place.inner.slices].round().to(torch.uint8)
            out[part.within(box).slices] = cut.numpy(force=True).reshape(
                part.height, part.width, *shape[2:]
            )
        return out

    def _codes(self, maps: Sequence[NDArray[np.int32]], level: int, crop: Box) -> Tensor:
        """Return the codes of a crop, `(1, G, D, h, w)`, made up to the padded size."""
        config = self._vqvae.config.levels[level]
        rows = slice(crop.top // config.stride, crop.bottom // config.stride)
        columns = slice(crop.left // config.stride, crop.right // config.stride)
        cut = maps[level][:, rows, columns]
        below = rows.stop - rows.start - cut.shape[1]
        right = columns.stop - columns.start - cut.shape[2]
        grid = isinstance(config.quantizer, GridConfig)
        # Beyond the edge: no detail, or the codeword at the edge once more.
        cut = np.pad(cut, ((0, 0), (0, below), (0, right)), mode="constant" if grid else "edge")
        codes = torch.from_numpy(cut).to(self._device)
        return codes.reshape(1, config.groups, config.depth, *codes.shape[1:])

    def _padded(self, grid: TileGrid) -> TileGrid:
        """Return the grid over the picture padded to whole cells of the coarsest level."""
        height = math.ceil(grid.height / self._align) * self._align
        width = math.ceil(grid.width / self._align) * self._align
        return TileGrid(width, height, grid.tile)
