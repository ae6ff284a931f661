"""The samples of a file: all of them, those of a region, or a preview."""

from __future__ import annotations

import numpy as np

from vqzip.codec.lossless.samples import between, decode_coarse, decode_fine
from vqzip.codec.tiles import Box, Tile, TileGrid
from vqzip.container.fields import VqzFile
from vqzip.errors import Truncated
from vqzip.prior.pixels.backend import PixelBackend, Samples
from vqzip.prior.pixels.spec import COARSE_STRIDE
from vqzip.threads import share

NO_PREVIEW = "the file is truncated before the end of its preview; download it again."


class Reading:
    """Decodes the tiles of a file.

    Args:
        backend: of the model.
        file: that was checked.
        grid: of its tiles.
    """

    def __init__(self, backend: PixelBackend, file: VqzFile, grid: TileGrid) -> None:
        self._backend, self._file, self._grid = backend, file, grid
        self._planes = 1 if file.header.mode == "gray" else 3

    def samples(self, box: Box, levels: int) -> Samples:
        """Return the samples of a part of the picture, `(planes, H, W)`.

        Args:
            box: the part.
            levels: 1 for a preview; 2 for all samples that the file still has, and the preview elsewhere.

        Raises:
            InvalidFile: a payload is damaged.
            PictureError: the box is not inside the picture.
        """
        tiles = self._grid.overlapping(box)
        whole = levels > 1 and all(self._file.streams[1][tile.index] is not None for tile in tiles)
        result = np.zeros((self._planes, box.height, box.width), np.uint16)
        if not whole:
            result[:] = self._preview()[(slice(None), *box.slices)]
        if levels > 1:
            share(lambda tile: self._put_fine(tile, box, result), list(tiles))
        return result

    def _put_fine(self, tile: Tile, box: Box, result: Samples) -> None:
        """Decode a tile and copy what lies inside `box`; nothing happens if a payload is missing."""
        coarse, fine = (stream[tile.index] for stream in self._file.streams)
        overlap = tile.overlap(box)
        if coarse is None or fine is None or overlap is None:
            return
        shape = (self._planes, tile.height, tile.width)
        samples = decode_fine(
            self._backend, fine, decode_coarse(self._backend, coarse, shape), shape
        )
        inside = samples[(slice(None), *overlap.within(tile).slices)]
        result[(slice(None), *overlap.within(box).slices)] = inside

    def _preview(self) -> Samples:
        """Return the preview of the whole picture.

        Raises:
            Truncated: no payload of it is there.
        """
        picture = self._grid.picture
        size = [-(-side // COARSE_STRIDE) for side in (picture.height, picture.width)]
        coarse = np.full((self._planes, *size), 128, np.uint16)
        payloads = self._file.streams[0]
        if all(payload is None for payload in payloads):
            raise Truncated(NO_PREVIEW)

        def decode(tile: Tile) -> None:
            payload = payloads[tile.index]
            if payload is not None:
                shape = (self._planes, tile.height, tile.width)
                box = tile.reduced(COARSE_STRIDE)
                coarse[(slice(None), *box.slices)] = decode_coarse(self._backend, payload, shape)

        share(decode, list(self._grid))
        return between(coarse, picture.height, picture.width)
