"""Codec: pictures to .vqz files and back.

Encode: picture -> stream tiles -> VQ-VAE latents -> codes chosen by rate and distortion under the
exact prior -> ANS streams -> container. Decode is the same path backwards; codes come back exactly,
pixels as closely as float arithmetic does.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image

from vqzip.coding.choosers import ByLevel, KnownCodes
from vqzip.coding.streams import StreamDecoder, StreamEncoder
from vqzip.coding.walk import CodeSource
from vqzip.container.build import build
from vqzip.container.fields import (
    KIND_ALPHA,
    KIND_EXIF,
    KIND_ICC,
    KIND_XMP,
    Header,
    Section,
    VqzFile,
)
from vqzip.container.parse import parse
from vqzip.configs import VqvaeConfig
from vqzip.errors import CodingError, ModelError, PictureError
from vqzip.latents import LatentTransform, TileLatents
from vqzip.model_folder import DEFAULT_MODEL, Model
from vqzip.model_folder import load as load_model
from vqzip.pictures.alpha import decode_alpha, encode_alpha
from vqzip.pictures.picture import Metadata, Picture
from vqzip.pictures.read import picture_from_image
from vqzip.pictures.tiles import Box, Tile, TileGrid
from vqzip.pictures.write import image_from_picture
from vqzip.token_maps import TokenMaps

COARSE_STRIDE = 8
STREAM_TILE_LOG2 = 10
"""Streams end at a grid of 1024 pixels: 16 context tiles."""

MAX_PIXELS = 200_000_000
DEFAULT_QUALITY, DEFAULT_EFFORT = 4.0, 4
BIT_PRICE = 0.1
"""Price of a bit in squared steps: the slope of the rate-distortion curve of a uniform quantizer is
0.14, and less of it is best for codes that later codes are predicted from (docs/experiments.md)."""


@dataclass(frozen=True)
class Encoded:
    """A file and what is known of it.

    Args:
        data: the bytes of the .vqz file.
        code_length_bits: code length of each level under the prior; not a file size.
        codes: what the file holds.
        quality: 1.0 to 8.0; 1.0 for models of one quality.
    """

    data: bytes
    code_length_bits: tuple[float, ...]
    codes: TokenMaps
    quality: float


class Codec:
    """Encodes and decodes with one model.

    Args:
        model: from `vqzip.model_folder.load`.
    """

    def __init__(self, model: Model) -> None:
        self.model = model
        self._latents = LatentTransform(model.vqvae)
        self._stream_of_level = streams_of_levels(model.config.vqvae)

    def encode(
        self, image: Image.Image, quality: float = DEFAULT_QUALITY, *, effort: int = DEFAULT_EFFORT
    ) -> bytes:
        """Return the bytes of a .vqz file.

        Args:
            image: any mode that Pillow converts to RGB or gray.
            quality: 1.0 to 8.0 by eighths.
            effort: 0 (nearest codes) to 9.

        Raises:
            PictureError: the image cannot be coded.
            ModelError: the model has not got the quality.
        """
        picture = picture_from_image(image)
        return self.encode_picture(picture, quality=quality, effort=effort).data

    def decode(self, data: bytes) -> Image.Image:
        """Return the picture of a .vqz file.

        Raises:
            InvalidFile: the file is damaged.
            ModelError: it was made with another model.
        """
        return image_from_picture(self.decode_picture(data))

    def encode_picture(
        self,
        picture: Picture,
        *,
        quality: float = DEFAULT_QUALITY,
        effort: int = DEFAULT_EFFORT,
        bit_price: float | None = None,
        verify: bool = False,
    ) -> Encoded:
        """Encode a picture with its alpha and metadata.

        Args:
            picture: from `vqzip.pictures`.
            quality: 1.0 to 8.0 by eighths.
            effort: 0 takes the nearest codes; 1 to 9 choose by rate and distortion.
            bit_price: lambda in squared steps a bit, instead of the effort's own.
            verify: decode the codes and compare.

        Raises:
            ModelError: the model has not got the quality.
            CodingError: verification failed.
        """
        quality_step = self.quality_step(quality)
        price = bit_price if bit_price is not None else BIT_PRICE * (effort > 0)
        gray = picture.is_gray
        header = Header(
            width=picture.width,
            height=picture.height,
            mode="gray" if gray else "rgb",
            streams=max(self._stream_of_level) + 1,
            quality_step=quality_step,
            tile_log2=STREAM_TILE_LOG2,
            model_id=self.model.id[:8],
        )
        maps = self._empty_maps(header)
        lengths = np.zeros(len(maps))
        tiles: list[list[bytes]] = []
        grid = _grid(header)
        for tile in grid:
            latents = self._latents.of_tile(picture.pixels, grid, tile.index, quality_step)
            payloads, tile_lengths = self._encode_tile(latents, maps, tile, header, price)
            tiles.append(payloads)
            lengths += tile_lengths
        streams = tuple(zip(*tiles, strict=True))
        data = build(VqzFile(header, streams, _sections(picture)))
        codes = self._token_maps(maps)
        if verify and not self.decode_codes(data).equals(codes):
            raise CodingError("the file does not decode to its own codes; please report the picture.")
        return Encoded(data, tuple(lengths.tolist()), codes, 1 + quality_step / 8)

    def _encode_tile(
        self,
        latents: TileLatents,
        maps: list[NDArray[np.int32]],
        tile: Tile,
        header: Header,
        price: float,
    ) -> tuple[list[bytes], list[float]]:
        """Choose and code the codes of a stream tile; they are written into `maps`."""
        chooser = ByLevel()
        encoders = [StreamEncoder(chooser) for _ in range(header.streams)]
        state = None
        gray, step = self._codes_gray(header), header.quality_step
        for level, stream in enumerate(self._stream_of_level):
            encoder = encoders[stream]
            if price:
                chooser.add(level, latents.chooser(level, price))
                shape = latents.shape(level)
                codes = self.model.prior.walk(
                    level, shape, state, encoder, quality_step=step, gray=gray
                )
            else:
                codes = latents.nearest(level, gray=gray)
                chooser.add(level, KnownCodes({level: codes}))
                self.model.prior.walk_known(
                    level, codes, state, encoder, quality_step=step, gray=gray
                )
            latents.choose(level, codes)
            maps[level][self._place(level, tile)] = codes
            state = self.model.prior.advance(level, codes, state, quality_step=step, gray=gray)
        lengths = [
            encoders[stream].code_length_bits.get(level, 0.0)
            for level, stream in enumerate(self._stream_of_level)
        ]
        return [encoder.finish() for encoder in encoders], lengths

    def decode_picture(
        self,
        data: bytes,
        *,
        levels: int | None = None,
        partial: bool = False,
        region: tuple[int, int, int, int] | None = None,
        max_pixels: int = MAX_PIXELS,
    ) -> Picture:
        """Decode a .vqz file.

        Args:
            data: the file.
            levels: decode only so many levels, the coarse ones: a blurred picture, faster.
            partial: accept a file that is cut off; what is missing is drawn from coarser levels.
            region: `(left, top, width, height)` in pixels; only this part is decoded and returned.
            max_pixels: refuse larger pictures.

        Raises:
            InvalidFile: the file is damaged.
            ModelError: it was made with another model.
            PictureError: the region is not inside the picture.
        """
        file = parse(data, max_pixels=max_pixels, partial=partial)
        header = file.header
        self._check_model(header)
        count = len(self._stream_of_level)
        if levels is not None and not 1 <= levels <= count:
            raise PictureError(f"this model has levels 1 to {count}, --levels {levels} is none.")
        grid = _grid(header)
        box = grid.picture if region is None else Box(region[1], region[0], region[3], region[2])
        grid.overlapping(box)
        maps = self._empty_maps(header)
        known: dict[int, int] = {}
        for tile in grid.overlapping(self._latents.seen(box, grid)):
            known[tile.index] = self._decode_tile(file, tile, maps, levels or count)
        if not any(known.values()):
            raise PictureError("the file is cut off before its first level; get it again.")
        pixels = self._latents.pixels(
            maps, grid, box, known, quality_step=header.quality_step, gray=header.mode == "gray"
        )
        return _with_sections(pixels, file, box)

    def _decode_tile(
        self, file: VqzFile, tile: Tile, maps: list[NDArray[np.int32]], levels: int
    ) -> int:
        """Decode one stream tile into `maps`; returns how many levels were there."""
        header = file.header
        gray, step = self._codes_gray(header), header.quality_step
        state = None
        decoders: dict[int, StreamDecoder] = {}
        for level, stream in enumerate(self._stream_of_level[:levels]):
            payload = file.streams[stream][tile.index]
            if payload is None:
                return level
            if stream not in decoders:
                decoders[stream] = StreamDecoder(payload)
            place = self._place(level, tile)
            shape = maps[level][place].shape[1:]
            codes = self.model.prior.walk(
                level, shape, state, decoders[stream], quality_step=step, gray=gray
            )
            maps[level][place] = codes
            last = level + 1 == len(self._stream_of_level)
            if last or self._stream_of_level[level + 1] != stream:
                decoders[stream].finish()
            if level + 1 < levels:
                state = self.model.prior.advance(level, codes, state, quality_step=step, gray=gray)
        return levels

    def decode_codes(self, data: bytes, *, max_pixels: int = MAX_PIXELS) -> TokenMaps:
        """Return the codes of a .vqz file, the same on every machine.

        Raises:
            InvalidFile: the file is damaged.
            ModelError: it was made with another model.
        """
        file = parse(data, max_pixels=max_pixels)
        self._check_model(file.header)
        maps = self._empty_maps(file.header)
        for tile in _grid(file.header):
            self._decode_tile(file, tile, maps, len(maps))
        return self._token_maps(maps)

    def to_codes(
        self, image: Image.Image, quality: float = DEFAULT_QUALITY, *, effort: int = DEFAULT_EFFORT
    ) -> TokenMaps:
        """Return the codes that `encode` would write."""
        picture = picture_from_image(image)
        return self.encode_picture(picture, quality=quality, effort=effort).codes

    def from_codes(
        self,
        codes: TokenMaps,
        width: int,
        height: int,
        quality: float = DEFAULT_QUALITY,
        *,
        gray: bool = False,
    ) -> Image.Image:
        """Return the picture that codes stand for.

        Args:
            codes: of every level.
            width: of the picture in pixels.
            height: of the picture in pixels.
            quality: that the codes were made with.
            gray: whether the picture has one channel.

        Raises:
            CodingError: the shapes do not fit the size.
        """
        header = Header(
            width=width,
            height=height,
            mode="gray" if gray else "rgb",
            streams=max(self._stream_of_level) + 1,
            quality_step=self.quality_step(quality),
            tile_log2=STREAM_TILE_LOG2,
            model_id=self.model.id[:8],
        )
        maps = [level.reshape(-1, *level.shape[2:]) for level in codes.levels]
        expected = [m.shape for m in self._empty_maps(header)]
        if [m.shape for m in maps] != expected:
            raise CodingError(f"codes for {width} x {height} pixels have the shapes {expected}.")
        grid = _grid(header)
        known = {tile.index: len(maps) for tile in grid}
        pixels = self._latents.pixels(
            maps, grid, grid.picture, known, quality_step=header.quality_step, gray=gray
        )
        return image_from_picture(Picture(pixels))

    def quality_step(self, quality: float) -> int:
        """Return the eighths above quality 1 (0 for models of one quality).

        Raises:
            ModelError: the quality is not 1.0 to 8.0.
        """
        if self.model.config.vqvae.quality is None:
            return 0
        if not 1 <= quality <= 8:
            raise ModelError(f"quality goes from 1 to 8, got {quality:g}.")
        return round((quality - 1) * 8)

    def _codes_gray(self, header: Header) -> bool:
        """Whether the picture has the luma codes alone."""
        return header.mode == "gray" and self.model.config.prior.gray_stages > 0

    def _check_model(self, header: Header) -> None:
        if header.model_id != self.model.id[:8]:
            raise ModelError(
                f"the file was made with model {header.model_id.hex()}, this is "
                f"{self.model.name} ({self.model.id[:8].hex()}); load the other."
            )
        if header.streams != max(self._stream_of_level) + 1:
            raise ModelError("the file has not as many streams as its model; get it again.")

    def _empty_maps(self, header: Header) -> list[NDArray[np.int32]]:
        """Return zeros `(G * D, H, W)` for every level of a whole picture."""
        return [
            np.zeros(
                (
                    level.channels,
                    math.ceil(header.height / level.stride),
                    math.ceil(header.width / level.stride),
                ),
                np.int32,
            )
            for level in self.model.config.vqvae.levels
        ]

    def _place(self, level: int, tile: Tile) -> tuple[slice, slice, slice]:
        """Return where a tile's codes lie in the level's map."""
        stride = self.model.config.vqvae.levels[level].stride
        rows = slice(tile.top // stride, math.ceil(tile.bottom / stride))
        return slice(None), rows, slice(tile.left // stride, math.ceil(tile.right / stride))

    def _token_maps(self, maps: list[NDArray[np.int32]]) -> TokenMaps:
        levels = zip(maps, self.model.config.vqvae.levels, strict=True)
        return TokenMaps(
            tuple(m.reshape(level.groups, level.depth, *m.shape[1:]) for m, level in levels)
        )


def streams_of_levels(config: VqvaeConfig) -> list[int]:
    """Return the stream that each level is coded in.

    Levels of stride 8 and coarser share the first: they are a small part of a file, and every stream
    costs about eight bytes. Each finer stride has a stream of its own.
    """
    shared = [min(level.stride, COARSE_STRIDE) for level in config.levels]
    return [sorted(set(shared), reverse=True).index(stride) for stride in shared]


def load(name_or_path: str | Path = DEFAULT_MODEL, device: str = "cpu") -> Codec:
    """Load a model by name or folder and return its codec.

    Args:
        name_or_path: such as `photo`, or the folder of a model or a training run.
        device: where the networks run; entropy coding is always on the CPU.

    Raises:
        ModelError: there is no such model or device, or the model is damaged.
    """
    return Codec(load_model(name_or_path, device))


def _grid(header: Header) -> TileGrid:
    return TileGrid(header.width, header.height, header.tile_side)


def _sections(picture: Picture) -> tuple[Section, ...]:
    alpha = None if picture.alpha is None else encode_alpha(picture.alpha)
    metadata = picture.metadata
    contents = (
        (KIND_ALPHA, alpha),
        (KIND_ICC, metadata.icc),
        (KIND_EXIF, metadata.exif),
        (KIND_XMP, metadata.xmp),
    )
    return tuple(Section(kind, payload) for kind, payload in contents if payload is not None)


def _with_sections(pixels: NDArray[np.uint8], file: VqzFile, box: Box) -> Picture:
    packed = file.section(KIND_ALPHA)
    alpha = None
    if packed is not None:
        alpha = decode_alpha(packed, file.header.width, file.header.height)[box.slices].copy()
    metadata = Metadata(file.section(KIND_ICC), file.section(KIND_EXIF), file.section(KIND_XMP))
    return Picture(pixels, alpha, metadata)
