"""Decodes pictures at a fraction of their size, from their coarse levels alone.

The low bands of the wavelet are the picture at 1/2, 1/4 and so on. So a thumbnail needs neither the fine
levels nor the network that follows the wavelet, and of a file on disk only a part is read.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import BinaryIO

import numpy as np
from numpy.typing import NDArray

from vqzip.codec.decoder import Decoder, check_levels
from vqzip.codec.latents import LatentTransform
from vqzip.codec.opening import check_tile
from vqzip.codec.sections import Sections, alpha_of, metadata_of
from vqzip.codec.tile_streams import TileCoder, put_tile
from vqzip.codec.tiles import Tile, TileGrid
from vqzip.codes import CodeMap, Codes, Frame
from vqzip.container.fields import Header, check_pixels
from vqzip.container.front import Front, read_front
from vqzip.errors import InvalidFile, UsageError
from vqzip.models.folder import Model
from vqzip.pictures.picture import Picture
from vqzip.prior.backend import Backend
from vqzip.quality import Quality
from vqzip.threads import share

REDUCTIONS = (1, 2, 4, 8, 16, 32)
"""Sides of a picture may be divided by these numbers."""

FIRST_SHARE = 1.0
"""The levels of a stream but its n finest take about this times 1/2**n of its bytes."""

LARGER_SHARE = 1.2
"""Where a part was too small, one that is so many times as large is read next."""


def check_reduction(reduction: int) -> None:
    """Check that a picture can be reduced by a number.

    Raises:
        UsageError: it cannot.
    """
    if reduction not in REDUCTIONS:
        raise UsageError(f"reduction must be {', '.join(map(str, REDUCTIONS))}, got {reduction!r}.")


class ReducedDecoder:
    """Decodes with one model at a fraction of the size.

    Args:
        model: from `vqzip.models.folder.load`.
        backend: the backend that runs its prior.
        latents: its networks.
        decoder: of the same model.
    """

    def __init__(
        self, model: Model, backend: Backend, latents: LatentTransform, decoder: Decoder
    ) -> None:
        self._backend, self._latents, self._decoder = backend, latents, decoder
        self._hierarchy = model.config.vqvae

    def decode(
        self,
        source: bytes | BinaryIO,
        reduction: int,
        *,
        levels: int | None,
        partial: bool,
        max_pixels: int,
    ) -> Picture:
        """Return the reduced picture of a file; see `Codec.decode_reduced`."""
        check_reduction(reduction)
        check_levels(levels, len(self._hierarchy.levels))
        needed = self._hierarchy.levels_of_reduction(reduction)
        if needed is not None and not isinstance(source, (bytes, bytearray, memoryview)):
            return self._of_front(source, reduction, min(levels or needed, needed), max_pixels)
        if not isinstance(source, (bytes, bytearray, memoryview)):
            source.seek(0)
            source = source.read()
        file = self._decoder.open(bytes(source), max_pixels=max_pixels, partial=partial)
        if needed is None:
            picture = self._decoder.picture(file, levels, None)
            return picture if reduction == 1 else _averaged(picture, reduction)
        codes = self._decoder.coarse_codes(file, min(levels or needed, needed))
        return self._picture(codes, file, reduction)

    def _of_front(self, file: BinaryIO, reduction: int, levels: int, max_pixels: int) -> Picture:
        """Return the reduced picture of a file on disk, of which only the first levels are read."""
        front = read_front(file)
        check_pixels(front.header, max_pixels)
        check_tile(front.header)
        self._decoder.check_header(front.header)
        return self._picture(self._codes_of_front(front, levels), front, reduction)

    def _codes_of_front(self, front: Front, levels: int) -> Codes:
        """Return the codes of the first levels, which is all that is read of the payloads."""
        frame = _frame(front.header)
        codes = Codes.blank(self._hierarchy, frame)
        coder = TileCoder(self._backend, self._hierarchy, frame)
        last = self._hierarchy.stream_of_level[levels - 1]
        tails = dict.fromkeys(_grid(front.header), b"")
        part = self._first_share(levels)
        while tails:
            jobs = {tile: _payloads(front, tile.index, last, part, tails[tile]) for tile in tails}

            done: set[Tile] = set()

            def decode(
                tile: Tile, jobs: dict[Tile, _Payloads] = jobs, done: set[Tile] = done
            ) -> None:
                shapes = self._hierarchy.shapes(tile.height, tile.width)[:levels]
                maps = _decoded(coder, jobs[tile], shapes)
                if maps is not None:
                    put_tile(codes, self._hierarchy, tile, maps)
                    done.add(tile)

            share(decode, list(tails), threads=self._backend.threads)
            tails = {tile: jobs[tile].payloads[last] for tile in tails if tile not in done}
            part *= LARGER_SHARE
        return codes

    def _first_share(self, levels: int) -> float:
        """Return a guess of the part of the last payload that some levels take; 1 for all of it."""
        streams = self._hierarchy.stream_of_level
        left_out = streams[levels:].count(streams[levels - 1])
        return FIRST_SHARE / (1 << left_out)

    def _picture(self, codes: Codes, file: Sections, reduction: int) -> Picture:
        grid = _grid(file.header)
        pixels = self._latents.reduced(codes, grid, reduction)
        alpha = alpha_of(file)
        alpha = None if alpha is None else _means(alpha, reduction)
        return Picture(pixels, alpha, metadata_of(file))


@dataclass(frozen=True)
class _Payloads:
    """A tile's payloads up to that of the last level to read, which may lack its beginning."""

    payloads: list[bytes]
    whole: bool


def _payloads(front: Front, tile: int, last: int, part: float, known: bytes) -> _Payloads:
    payloads = [front.payload(stream, tile) for stream in range(last)]
    tail = front.tail(last, tile, part, known)
    payloads.append(front.payload(last, tile) if tail is None else tail)
    return _Payloads(payloads, tail is None)


def _decoded(
    coder: TileCoder, read: _Payloads, shapes: Sequence[tuple[int, int]]
) -> list[CodeMap] | None:
    """Return codes, or None if a part of a payload was not enough, which may look like damage."""
    if read.whole:
        return coder.decode(read.payloads, shapes)
    try:
        return coder.decode_tail(read.payloads, shapes)
    except InvalidFile:
        return None


def _averaged(picture: Picture, reduction: int) -> Picture:
    """Return a picture reduced by the means of squares of pixels."""
    alpha = None if picture.alpha is None else _means(picture.alpha, reduction)
    return Picture(_means(picture.pixels, reduction), alpha, picture.metadata)


def _means(samples: NDArray[np.uint8], reduction: int) -> NDArray[np.uint8]:
    """Return the means of squares of samples, `(h, w, ...)`, rounded; squares at the edges are repeated."""
    height, width = samples.shape[:2]
    edges = [(0, -height % reduction), (0, -width % reduction)] + [(0, 0)] * (samples.ndim - 2)
    padded = np.pad(samples, edges, mode="edge")
    rows, columns = padded.shape[0] // reduction, padded.shape[1] // reduction
    squares = padded.reshape(rows, reduction, columns, reduction, *samples.shape[2:])
    means: NDArray[np.uint8] = np.rint(squares.mean((1, 3), dtype=np.float32)).astype(np.uint8)
    return means


def _frame(header: Header) -> Frame:
    return Frame(header.width, header.height, Quality(header.quality_step), header.mode == "gray")


def _grid(header: Header) -> TileGrid:
    return TileGrid(header.width, header.height, header.tile_side)
