"""Codes of one stream tile to the payloads of its streams, and back.

The prior gives the probabilities of a level given the coarser levels. So levels are coded coarse to fine in all
directions: encoding, decoding and sampling.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from vqzip.codec.latents import TileLatents
from vqzip.codec.tiles import Tile
from vqzip.codes import CodeMap, Codes, Frame
from vqzip.hierarchy import Hierarchy
from vqzip.prior.backend import (
    Backend,
    ChosenCodes,
    KnownCodes,
    RandomCodes,
    Reader,
    Source,
    StreamCodes,
    Writer,
)
from vqzip.prior.walk import PriorWalk


def put_tile(codes: Codes, hierarchy: Hierarchy, tile: Tile, maps: Sequence[CodeMap]) -> None:
    """Write the codes of a tile into those of its picture; finer levels may be left out."""
    for whole, part, level in zip(codes.maps, maps, hierarchy.levels, strict=False):
        top, left = tile.top // level.stride, tile.left // level.stride
        height, width = part.shape[1:]
        whole[:, top : top + height, left : left + width] = part


def get_tile(codes: Codes, hierarchy: Hierarchy, tile: Tile) -> list[CodeMap]:
    """Return a tile's codes out of those of its picture, as views."""
    maps = []
    for number, (whole, level) in enumerate(zip(codes.maps, hierarchy.levels, strict=True)):
        height, width = hierarchy.shape(number, tile.height, tile.width)
        top, left = tile.top // level.stride, tile.left // level.stride
        maps.append(whole[:, top : top + height, left : left + width])
    return maps


@dataclass(frozen=True)
class CodedTile:
    """An encoded tile.

    Args:
        codes: `(G * D, H, W)` int32 a level.
        payloads: bytes of each stream.
        code_length_bits: code length of each level under the prior.
    """

    codes: list[CodeMap]
    payloads: list[bytes]
    code_length_bits: list[float]


class TileCoder:
    """Codes stream tiles of one picture.

    Args:
        backend: runs the model's prior.
        hierarchy: of the model.
        frame: of the picture.
    """

    def __init__(self, backend: Backend, hierarchy: Hierarchy, frame: Frame) -> None:
        self._backend, self._hierarchy, self._frame = backend, hierarchy, frame
        self._stream_of_level = hierarchy.stream_of_level

    def encode(self, latents: TileLatents, price: float) -> CodedTile:
        """Choose a tile's codes and write them.

        Args:
            latents: of the tile.
            price: of a bit in squared steps; with 0 the nearest codes are taken, which is faster.
        """

        def source(level: int, writer: Writer) -> Source:
            if price:
                return ChosenCodes(latents.choice(level, price), writer)
            return KnownCodes(latents.nearest(level), writer)

        return self._coded(source, latents.add)

    def write(self, codes: Sequence[CodeMap]) -> CodedTile:
        """Write codes that are there already, `(G * D, H, W)` a level."""
        return self._coded(lambda level, writer: KnownCodes(codes[level], writer))

    def _coded(
        self,
        source: Callable[[int, Writer], Source],
        note: Callable[[int, CodeMap], None] = lambda _level, _codes: None,
    ) -> CodedTile:
        """Code every level in its stream.

        Args:
            source: makes what a level's codes come from, given the level and its stream's writer.
            note: gets each level's codes before the next level's source is asked for.
        """
        walk = self._walk()
        writers = [self._backend.writer() for _ in range(self._hierarchy.streams)]
        codes: list[CodeMap] = []
        lengths: list[float] = []
        for level, stream in enumerate(self._stream_of_level):
            writer = writers[stream]
            before = writer.code_length_bits()
            codes.append(walk.code(source(level, writer)))
            note(level, codes[level])
            lengths.append(writer.code_length_bits() - before)
        return CodedTile(codes, [writer.finish() for writer in writers], lengths)

    def decode(
        self, payloads: Sequence[bytes | None], shapes: Sequence[tuple[int, int]]
    ) -> list[CodeMap]:
        """Read a tile's codes.

        Args:
            payloads: bytes of each stream; reading stops at the first None.
            shapes: (H, W) of the levels to read.

        Returns:
            Codes of the levels that were read.

        Raises:
            InvalidFile: a payload is damaged.
        """
        return self._read(payloads, shapes)[0]

    def decode_tail(
        self, payloads: Sequence[bytes | None], shapes: Sequence[tuple[int, int]]
    ) -> list[CodeMap] | None:
        """Read a tile's first levels where the payload of the last of them may lack its beginning.

        Streams are read from their ends, so the coarse levels of a stream need only its tail.

        Args:
            payloads: as for `decode`; of the stream of the last level that is read, the last words.
            shapes: (H, W) of the levels to read.

        Returns:
            Their codes, or None if more of the last payload is needed.

        Raises:
            InvalidFile: a payload is damaged, or more of it is needed.
        """
        codes, readers = self._read(payloads, shapes)
        last = readers.get(self._stream_of_level[len(shapes) - 1])
        return codes if last is not None and last.words_left() else None

    def _read(
        self, payloads: Sequence[bytes | None], shapes: Sequence[tuple[int, int]]
    ) -> tuple[list[CodeMap], dict[int, Reader]]:
        walk = self._walk()
        codes: list[CodeMap] = []
        readers: dict[int, Reader] = {}
        for level, shape in enumerate(shapes):
            stream = self._stream_of_level[level]
            payload = payloads[stream]
            if payload is None:
                break
            if stream not in readers:
                readers[stream] = self._backend.reader(payload)
            codes.append(walk.code(StreamCodes(shape, readers[stream])))
            if stream not in self._stream_of_level[level + 1 :]:
                readers[stream].finish()
        return codes, readers

    def draw(
        self,
        shapes: Sequence[tuple[int, int]],
        generator: np.random.Generator,
        temperature: float,
    ) -> list[CodeMap]:
        """Sample the codes of a tile from the prior; see `RandomCodes`."""
        walk = self._walk()
        return [walk.code(RandomCodes(shape, generator, temperature)) for shape in shapes]

    def _walk(self) -> PriorWalk:
        return PriorWalk(self._backend, self._frame.quality, gray=self._frame.gray)
