"""Between pixels and codes, a stream tile at a time: an autoencoder as the codec uses it.

A tile is transformed together with as many pixels around it as the networks can see, so tiles have no
seams and memory does not grow with the picture.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from vqzip.autoencoders.autoencoder import Autoencoder
from vqzip.autoencoders.quantizers.coding import CodebookCoding, Codes
from vqzip.autoencoders.transform import Floats, own_floats
from vqzip.codec.tiles import Box, HaloCrop, TileGrid
from vqzip.codes import Choice, CodebookChoice, GridChoice
from vqzip.configs import GridConfig


class TileLatents:
    """Latents of one stream tile, level after level, as codes are chosen.

    Args:
        autoencoder: transform and quantizers.
        pixels: `(3, h, w)` of the crop, 0 to 255.
        place: the crop, and the tile in it.
        size: (height, width) of the tile without padding.
        known: (height, width) of the part of the crop that lies in the picture.
        quality_step: 0 to 56.
        gray: whether the picture has one channel, and so no chroma codes where those are apart.
    """

    def __init__(
        self,
        autoencoder: Autoencoder,
        pixels: Floats,
        place: HaloCrop,
        size: tuple[int, int],
        known: tuple[int, int],
        quality_step: int,
        *,
        gray: bool,
    ) -> None:
        self._autoencoder, self._place, self._size, self._known = autoencoder, place, size, known
        self._gray = gray and autoencoder.config.codes_gray_apart
        self._step = autoencoder.step(quality_step)
        self._analysis = autoencoder.transform.analyze(pixels, self._step)
        self._latents: list[Floats] = []

    def shape(self, level: int) -> tuple[int, int]:
        """Return (H, W) of the tile's codes at a level."""
        stride = self._autoencoder.config.levels[level].stride
        height, width = self._size
        return math.ceil(height / stride), math.ceil(width / stride)

    @own_floats()
    def choice(self, level: int, price: float) -> Choice:
        """Return what the level's codes are chosen by: latents, and the price of a bit.

        Args:
            level: the coarser ones have been chosen.
            price: of a bit, in squared steps (for codebooks: in mean quantization errors).
        """
        price *= self._autoencoder.config.levels[level].relative_price
        inner = self._cut(level, self._latent(level))
        quantizer = self._autoencoder.quantizers[level]
        if not isinstance(quantizer, CodebookCoding):
            return GridChoice(inner / np.float32(self._step), price)
        nearest = quantizer.dequantize(quantizer.quantize(inner, self._step), self._step)
        unit = float(np.square(inner - nearest).sum(0).mean())
        return CodebookChoice(inner, quantizer.codebooks, price * unit)

    @own_floats()
    def nearest(self, level: int) -> NDArray[np.int32]:
        """Return the nearest codes `(G * D, H, W)`; a gray picture's luma codes alone."""
        codes = self._nearest(level, self._cut(level, self._latent(level)))
        return codes.reshape(-1, *codes.shape[2:])

    @own_floats()
    def choose(self, level: int, codes: NDArray[np.int32]) -> None:
        """Take note of a level's codes: finer levels are encoded given them.

        Around the tile the nearest codes stand for those that the neighbors will choose. Beyond the
        picture a grid has no detail, as when it is decoded.
        """
        config = self._autoencoder.config
        if not self._autoencoder.transform.conditional or level + 1 == len(config.levels):
            return
        around = self._nearest(level, self._latent(level))
        if isinstance(config.levels[level].quantizer, GridConfig):
            height, width = (math.ceil(n / config.levels[level].stride) for n in self._known)
            around[..., height:, :] = 0
            around[..., width:] = 0
        rows, columns = self._inner(level)
        around[:, :, rows, columns] = codes.reshape(*around.shape[:2], *codes.shape[1:])
        quantizer = self._autoencoder.quantizers[level]
        self._analysis.take(level, quantizer.dequantize(around, self._step))

    def _nearest(self, level: int, latents: Floats) -> Codes:
        """Return codes `(G, D, h, w)`; a gray picture has no chroma codes."""
        codes = self._autoencoder.quantizers[level].quantize(latents, self._step)
        if self._gray:
            codes[len(codes) // 3 :] = 0
        return codes

    def _latent(self, level: int) -> Floats:
        """Return the crop's latents `(G * dim, h, w)`; each level is computed once."""
        if level == len(self._latents):
            self._latents.append(self._analysis.latents(level))
        return self._latents[level]

    def _cut(self, level: int, crop: Floats) -> Floats:
        rows, columns = self._inner(level)
        return crop[:, rows, columns]

    def _inner(self, level: int) -> tuple[slice, slice]:
        stride = self._autoencoder.config.levels[level].stride
        height, width = self.shape(level)
        top, left = self._place.inner.top // stride, self._place.inner.left // stride
        return slice(top, top + height), slice(left, left + width)


class LatentTransform:
    """Cuts pictures into crops for an autoencoder and puts decoded crops together.

    Args:
        autoencoder: of the model.
    """

    def __init__(self, autoencoder: Autoencoder) -> None:
        self._autoencoder = autoencoder
        self._align = autoencoder.config.align

    @own_floats()
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
            padded[number], halo=self._autoencoder.analysis_reach, align=self._align
        )
        cut = pixels[place.crop.slices]
        if cut.ndim == 2:
            cut = np.broadcast_to(cut[:, :, None], (*cut.shape, 3))
        below, right = place.crop.height - cut.shape[0], place.crop.width - cut.shape[1]
        cut = np.pad(cut, ((0, below), (0, right), (0, 0)), mode="edge")
        crop = np.ascontiguousarray(cut.transpose(2, 0, 1), np.float32)
        known = grid.height - place.crop.top, grid.width - place.crop.left
        return TileLatents(
            self._autoencoder,
            crop,
            place,
            (tile.height, tile.width),
            known,
            quality_step,
            gray=pixels.ndim == 2,
        )

    def seen(self, box: Box, grid: TileGrid) -> Box:
        """Return the part of the picture whose codes decide the pixels of `box`."""
        reach = self._autoencoder.synthesis_reach
        return grid.with_halo(box, halo=reach, align=self._align).crop

    @own_floats()
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
        reach = self._autoencoder.synthesis_reach
        parts = [tile.overlap(box) for tile in grid.overlapping(box)]
        for part in filter(None, parts):
            place = self._padded(grid).with_halo(part, halo=reach, align=self._align)
            levels = min(known[tile.index] for tile in grid.overlapping(self.seen(part, grid)))
            codes = [self._codes(maps, level, place.crop) for level in range(max(1, levels))]
            rows, columns = place.inner.slices
            drawn = self._autoencoder.decode(codes, quality_step)[:, rows, columns]
            drawn = drawn.mean(0) if gray else drawn.transpose(1, 2, 0)
            out[part.within(box).slices] = np.rint(drawn)
        return out

    def _codes(self, maps: Sequence[NDArray[np.int32]], level: int, crop: Box) -> Codes:
        """Return the codes of a crop, `(G, D, h, w)`, made up to the padded size."""
        config = self._autoencoder.config.levels[level]
        rows = slice(crop.top // config.stride, crop.bottom // config.stride)
        columns = slice(crop.left // config.stride, crop.right // config.stride)
        cut = maps[level][:, rows, columns]
        below = rows.stop - rows.start - cut.shape[1]
        right = columns.stop - columns.start - cut.shape[2]
        grid = isinstance(config.quantizer, GridConfig)
        # Beyond the edge: no detail, or the codeword at the edge once more.
        cut = np.pad(cut, ((0, 0), (0, below), (0, right)), mode="constant" if grid else "edge")
        return cut.reshape(config.groups, config.depth, *cut.shape[1:])

    def _padded(self, grid: TileGrid) -> TileGrid:
        """Return the grid over the picture padded to whole cells of the coarsest level."""
        height = math.ceil(grid.height / self._align) * self._align
        width = math.ceil(grid.width / self._align) * self._align
        return TileGrid(width, height, grid.tile)
