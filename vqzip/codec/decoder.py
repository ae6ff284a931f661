"""Decodes the bytes of a .vqz file to codes, and codes to pixels."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from vqzip.codec.latents import LatentTransform
from vqzip.codec.opening import Completeness, completeness, open_file
from vqzip.codec.progress import Progress, Steps, part_of
from vqzip.codec.sections import with_sections
from vqzip.codec.tile_streams import TileCoder, put_tile
from vqzip.codec.tiles import Box, Tile, TileGrid, stream_tiles
from vqzip.codes import Codes, Frame
from vqzip.container.fields import Header, VqzFile
from vqzip.errors import ModelError, PictureError, Truncated
from vqzip.models.folder import Model
from vqzip.pictures.picture import Picture
from vqzip.prior.backend import Backend
from vqzip.quality import Quality
from vqzip.threads import share

NO_LEVEL = "the file is truncated before the end of its first level; download it again."

SHARE_OF_CODES = 0.2
"""Share of the time of decoding in which codes are decoded; the rest is for the pixels."""


class Decoder:
    """Decodes with one model.

    Args:
        model: from `vqzip.models.folder.load`.
        backend: the backend that runs its prior.
        latents: its networks.
    """

    def __init__(self, model: Model, backend: Backend, latents: LatentTransform) -> None:
        self._model, self._backend, self._latents = model, backend, latents
        self._hierarchy = model.config.vqvae

    def picture(
        self,
        file: VqzFile,
        levels: int | None,
        region: tuple[int, int, int, int] | None,
        progress: Progress | None = None,
    ) -> Picture:
        """Return the picture of a file from `open`; see `Codec.decode_picture`."""
        count = len(self._hierarchy.levels)
        check_levels(levels, count)
        grid = _grid(file.header)
        box = grid.picture if region is None else Box(region[1], region[0], region[3], region[2])
        grid.overlapping(box)  # raises an error if the box is not inside
        seen = self._latents.seen(box, grid)
        if all(file.streams[0][tile.index] is None for tile in grid.overlapping(seen)):
            raise Truncated(NO_LEVEL)
        codes, known = self._codes(
            file, seen, levels or count, part_of(progress, 0, SHARE_OF_CODES)
        )
        drawn = part_of(progress, SHARE_OF_CODES, 1)
        return with_sections(self._latents.pixels(codes, grid, box, known, drawn), file, box)

    def codes(self, file: VqzFile) -> Codes:
        """Return the codes of a file from `open`."""
        box = _grid(file.header).picture
        return self._codes(file, box, len(self._hierarchy.levels))[0]

    def coarse_codes(self, file: VqzFile, levels: int) -> Codes:
        """Return the codes of the first levels of a file from `open`; the other codes are 0.

        Raises:
            Truncated: the file ends before the first level does.
        """
        if all(payload is None for payload in file.streams[0]):
            raise Truncated(NO_LEVEL)
        return self._codes(file, _grid(file.header).picture, levels)[0]

    def pixels_of_codes(self, codes: Codes) -> NDArray[np.uint8]:
        """Return the pixels of codes, `(H, W, 3)` or `(H, W)`.

        Raises:
            CodingError: the shapes do not fit the size, or a code is in no codebook.
        """
        codes.check_shapes(self._hierarchy)
        grid = stream_tiles(codes.width, codes.height)
        known = {tile.index: len(codes.levels) for tile in grid}
        return self._latents.pixels(codes, grid, grid.picture, known)

    def completeness(self, file: VqzFile) -> Completeness:
        """Return how much is left of a file from `open`."""
        return completeness(file, self._hierarchy.stream_of_level)

    def open(self, data: bytes, *, max_pixels: int, partial: bool) -> VqzFile:
        """Return a file that this model decodes.

        Raises:
            InvalidFile: it is damaged.
            ModelError: it was made with another model.
        """
        levels = self._hierarchy.stream_of_level
        file = open_file(data, levels, max_pixels=max_pixels, partial=partial)
        self.check_header(file.header)
        return file

    def check_header(self, header: Header) -> None:
        """Check that this model decodes a file.

        Raises:
            ModelError: it was made with another model.
        """
        own = self._model.id[:8]
        if header.model_id != own:
            raise ModelError(
                f"the file was made with the model {header.model_id.hex()}, but this is "
                f"{self._model.name} ({own.hex()}); `vqzip models` lists the installed models, "
                "`model` takes the folder of another."
            )
        if header.streams != self._hierarchy.streams:
            raise ModelError(
                "the file and its model have different numbers of streams; download the file again."
            )

    def _codes(
        self, file: VqzFile, box: Box, levels: int, progress: Progress | None = None
    ) -> tuple[Codes, dict[int, int]]:
        """Return the codes of the stream tiles that `box` touches, and by tile how many levels."""
        header = file.header
        frame = Frame(
            header.width, header.height, Quality(header.quality_step), header.mode == "gray"
        )
        codes = Codes.blank(self._hierarchy, frame)
        coder = TileCoder(self._backend, self._hierarchy, frame)
        known: dict[int, int] = {}
        tiles = _grid(header).overlapping(box)
        steps = Steps(progress, len(tiles))

        def decode(tile: Tile) -> None:
            payloads = [stream[tile.index] for stream in file.streams]
            shapes = self._hierarchy.shapes(tile.height, tile.width)
            maps = coder.decode(payloads, shapes[:levels])
            put_tile(codes, self._hierarchy, tile, maps)
            known[tile.index] = len(maps)
            steps.finish()

        share(decode, tiles, threads=self._backend.threads)
        return codes, known


def check_levels(levels: int | None, count: int) -> None:
    """Check that a model has so many levels.

    Raises:
        PictureError: it has not.
    """
    if levels is not None and not 1 <= levels <= count:
        raise PictureError(f"this model has levels 1 to {count}, got levels={levels}.")


def _grid(header: Header) -> TileGrid:
    return TileGrid(header.width, header.height, header.tile_side)
