"""Runs the autoencoder between pixels and codes, one stream tile at a time.

A tile is transformed together with the pixels around it that the networks can see, so tiles have no seams, and
memory does not grow with the picture.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from vqzip.autoencoders.autoencoder import Autoencoder
from vqzip.autoencoders.quantizers.coding import Codes as CropCodes
from vqzip.autoencoders.transform import Floats, own_floats
from vqzip.codec.progress import Progress, Steps
from vqzip.codec.tiles import Box, HaloCrop, TileGrid
from vqzip.codes import Choice, CodeMap, Codes, Frame
from vqzip.threads import share, thread_count

MOST_TILES = 4
"""Tiles that are in memory at once, each with some 100 MB."""


def tile_threads() -> int:
    """Return how many tiles are worked on at once."""
    return min(thread_count(), MOST_TILES)


class TileLatents:
    """Latents of one stream tile, level by level, while codes are chosen.

    Args:
        autoencoder: transform and quantizers.
        pixels: `(3, h, w)` of the crop, 0 to 255.
        place: the crop, and the tile in it.
        size: (height, width) of the tile without padding.
        known: (height, width) of the part of the crop inside the picture.
        frame: of the picture.
    """

    def __init__(
        self,
        autoencoder: Autoencoder,
        pixels: Floats,
        place: HaloCrop,
        size: tuple[int, int],
        known: tuple[int, int],
        frame: Frame,
    ) -> None:
        self._autoencoder, self._place, self._size, self._known = autoencoder, place, size, known
        self._gray = frame.gray
        self._step = autoencoder.config.step(frame.quality)
        self._analysis = autoencoder.transform.analyze(pixels, self._step)
        self._latents: list[Floats] = []

    @own_floats()
    def choice(self, level: int, price: float) -> Choice:
        """Return the input for choosing the codes of a level: latents, and the price of a bit.

        Args:
            level: number of the level; the coarser levels have been chosen.
            price: of a bit, in squared steps (for codebooks: in mean quantization errors).
        """
        price *= self._autoencoder.config.levels[level].relative_price
        inner = self._cut(level, self._latent(level))
        return self._autoencoder.quantizers[level].choice(inner, self._step, price)

    @own_floats()
    def nearest(self, level: int) -> CodeMap:
        """Return the nearest codes `(G * D, H, W)`; only luma codes for a gray picture."""
        codes = self._nearest(level, self._cut(level, self._latent(level)))
        return codes.reshape(-1, *codes.shape[2:])

    @own_floats()
    def add(self, level: int, codes: CodeMap) -> None:
        """Store the chosen codes of a level, because finer levels are encoded given them.

        Around the tile, the nearest codes replace those that the neighboring tiles will choose.
        """
        config = self._autoencoder.config
        if not self._autoencoder.transform.conditional or level + 1 == len(config.levels):
            return
        quantizer = self._autoencoder.quantizers[level]
        around = self._nearest(level, self._latent(level))
        quantizer.clear_beyond(around, *config.shape(level, *self._known))
        rows, columns = self._inner(level)
        around[:, :, rows, columns] = codes.reshape(*around.shape[:2], *codes.shape[1:])
        self._analysis.take(level, quantizer.dequantize(around, self._step))

    def _nearest(self, level: int, latents: Floats) -> CropCodes:
        """Return codes `(G, D, h, w)`; a gray picture has no chroma codes."""
        codes = self._autoencoder.quantizers[level].quantize(latents, self._step)
        if self._gray:
            codes[self._autoencoder.config.luma(level) :] = 0
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
        height, width = self._autoencoder.config.shape(level, *self._size)
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
        self, pixels: NDArray[np.uint8], grid: TileGrid, number: int, frame: Frame
    ) -> TileLatents:
        """Return the latents of a stream tile.

        Args:
            pixels: `(H, W, 3)` or `(H, W)` of the whole picture.
            grid: the picture's stream tiles.
            number: of the tile.
            frame: of the picture.
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
        size = tile.height, tile.width
        return TileLatents(self._autoencoder, crop, place, size, known, frame)

    def seen(self, box: Box, grid: TileGrid) -> Box:
        """Return the part of the picture whose codes decide the pixels of `box`."""
        reach = self._autoencoder.synthesis_reach
        return grid.with_halo(box, halo=reach, align=self._align).crop

    @own_floats()
    def pixels(
        self,
        codes: Codes,
        grid: TileGrid,
        box: Box,
        known: Mapping[int, int],
        progress: Progress | None = None,
    ) -> NDArray[np.uint8]:
        """Return the pixels of `box`, `(h, w, 3)` or `(h, w)`.

        Args:
            codes: of the whole picture.
            grid: the picture's stream tiles.
            box: what to decode.
            known: number of known levels for each stream tile, by its number.
            progress: is called with the share of the pixels that are decoded.
        """
        shape = (box.height, box.width) if codes.gray else (box.height, box.width, 3)
        out, maps = np.empty(shape, np.uint8), codes.maps
        reach = self._autoencoder.synthesis_reach

        def draw(part: Box) -> None:
            place = self._padded(grid).with_halo(part, halo=reach, align=self._align)
            levels = min(known[tile.index] for tile in grid.overlapping(self.seen(part, grid)))
            crops = [self._crop(maps, level, place.crop) for level in range(max(1, levels))]
            decoded = self._autoencoder.decode(crops, codes.quality, place.inner.slices)
            decoded = decoded.mean(0) if codes.gray else decoded.transpose(1, 2, 0)
            out[part.within(box).slices] = np.rint(decoded)
            steps.finish()

        overlaps = [tile.overlap(box) for tile in grid.overlapping(box)]
        parts = [part for part in overlaps if part]
        steps = Steps(progress, len(parts))
        share(own_floats()(draw), parts, threads=tile_threads())
        return out

    @own_floats()
    def reduced(self, codes: Codes, grid: TileGrid, reduction: int) -> NDArray[np.uint8]:
        """Return the whole picture at a fraction of its size, `(h, w, 3)` or `(h, w)`, sides rounded up.

        Args:
            codes: of the whole picture; codes of levels that are not needed may be anything.
            grid: the picture's stream tiles.
            reduction: a power of two, one for which the model has a number of levels.
        """
        levels = self._autoencoder.config.levels_of_reduction(reduction) or 0
        size = -(-grid.height // reduction), -(-grid.width // reduction)
        out, maps = np.empty(size if codes.gray else (*size, 3), np.uint8), codes.maps
        reach = self._autoencoder.synthesis_reach

        def draw(tile: Box) -> None:
            place = self._padded(grid).with_halo(tile, halo=reach, align=self._align)
            crops = [self._crop(maps, level, place.crop) for level in range(levels)]
            part = place.inner.reduced(reduction).slices
            decoded = self._autoencoder.decode_reduced(crops, codes.quality, part)
            decoded = decoded.mean(0) if codes.gray else decoded.transpose(1, 2, 0)
            out[tile.reduced(reduction).slices] = np.rint(decoded)

        share(own_floats()(draw), list(grid), threads=tile_threads())
        return out

    def _crop(self, maps: Sequence[CodeMap], level: int, crop: Box) -> CropCodes:
        """Return the codes of a crop, `(G, D, h, w)`, filled to the padded size."""
        config = self._autoencoder.config.levels[level]
        rows = slice(crop.top // config.stride, crop.bottom // config.stride)
        columns = slice(crop.left // config.stride, crop.right // config.stride)
        height, width = rows.stop - rows.start, columns.stop - columns.start
        quantizer = self._autoencoder.quantizers[level]
        codes = quantizer.pad(maps[level][:, rows, columns], height, width)
        return codes.reshape(config.groups, config.depth, height, width)

    def _padded(self, grid: TileGrid) -> TileGrid:
        """Return the grid over the picture padded to whole cells of the coarsest level."""
        height = -(-grid.height // self._align) * self._align
        width = -(-grid.width // self._align) * self._align
        return TileGrid(width, height, grid.tile)
