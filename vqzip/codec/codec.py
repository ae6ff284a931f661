"""Codec: pictures to .vqz files and back.

Encode: picture -> stream tiles -> VQ-VAE latents -> codes chosen by rate and distortion under the
exact prior -> ANS streams -> container. Decode is the same path backwards; codes come back exactly,
pixels as closely as float arithmetic does.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from vqzip.codec.effort import Setting, cost, settings
from vqzip.codec.latents import LatentTransform
from vqzip.codec.opening import Completeness, completeness, open_file
from vqzip.codec.picture_codes import PictureCodes
from vqzip.codec.sections import sections_of, with_sections
from vqzip.codec.tile_streams import TileCoder
from vqzip.codec.tiles import Box, Tile, TileGrid
from vqzip.codes import TokenMaps
from vqzip.container.build import build
from vqzip.container.fields import Header, Section, VqzFile
from vqzip.errors import CodingError, ModelError, PictureError, Truncated, UsageError
from vqzip.models.folder import DEFAULT_MODEL, Model
from vqzip.models.folder import load as load_model
from vqzip.pictures.hidden import visible_pixels, with_hidden_filled
from vqzip.pictures.limits import MAX_PIXELS
from vqzip.pictures.picture import Picture
from vqzip.prior.walk import backend_for
from vqzip.threads import share

if TYPE_CHECKING:
    from PIL import Image

STREAM_TILE_LOG2 = 10
"""Streams end at a grid of 1024 pixels: 16 context tiles."""

DEFAULT_QUALITY, DEFAULT_EFFORT = 4.0, 4


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
        model: from `vqzip.models.folder.load`.
    """

    def __init__(self, model: Model) -> None:
        self.model = model
        self.backend = backend_for(model.prior)
        self._latents = LatentTransform(model.autoencoder)
        self._streams = max(model.config.vqvae.stream_of_level) + 1

    def encode(
        self, image: Image.Image, quality: float = DEFAULT_QUALITY, *, effort: int = DEFAULT_EFFORT
    ) -> bytes:
        """Return the bytes of a .vqz file.

        Args:
            image: any mode that Pillow converts to RGB or gray.
            quality: 1.0 to 8.0 by eighths.
            effort: 0 to 9, see `encode_picture`.

        Raises:
            PictureError: the image cannot be coded.
            ModelError: the model has not got the quality.
        """
        from vqzip.pictures.read import picture_from_image

        picture = picture_from_image(image)
        return self.encode_picture(picture, quality=quality, effort=effort).data

    def decode(self, data: bytes) -> Image.Image:
        """Return the picture of a .vqz file.

        Raises:
            InvalidFile: the file is damaged.
            ModelError: it was made with another model.
        """
        if not isinstance(data, (bytes, bytearray, memoryview)):
            raise UsageError(
                f"decode takes the bytes of a .vqz file, got {type(data).__name__}; read the file "
                "with Path(...).read_bytes() first."
            )
        from vqzip.pictures.write import image_from_picture

        return image_from_picture(self.decode_picture(bytes(data)))

    def encode_picture(
        self,
        picture: Picture,
        *,
        quality: float = DEFAULT_QUALITY,
        effort: int = DEFAULT_EFFORT,
        bit_price: float | None = None,
        verify: bool = False,
        keep_hidden_colors: bool = False,
        same_quality: bool = False,
    ) -> Encoded:
        """Encode a picture with its alpha and metadata.

        Args:
            picture: from `vqzip.pictures`.
            quality: 1.0 to 8.0 by eighths; effort 9 may take the next eighth.
            effort: 0 (nearest codes) to 9, see `vqzip.codec.effort.settings`.
            bit_price: lambda in squared steps a bit, instead of what the effort compares.
            verify: decode the codes and compare.
            keep_hidden_colors: code the colors under alpha 0 as they are. Otherwise they are replaced
                by ones that cost few bits, and do not count when files are compared.
            same_quality: never take another quality than the one asked for, whatever the effort.

        Raises:
            ModelError: the model has not got the quality.
            PictureError: an item of metadata is too large.
            UsageError: the effort is not 0 to 9.
            CodingError: verification failed.
        """
        config = self.model.config.vqvae
        step = self.quality_step(quality)
        compared = settings(effort, step, self.model.config)
        if bit_price is not None:
            compared = [Setting(step, bit_price)]
        if same_quality:
            compared = [setting for setting in compared if setting.quality_step == step]
        sections = sections_of(picture)
        visible = None
        if not keep_hidden_colors:
            picture, visible = with_hidden_filled(picture), visible_pixels(picture)
        files = [self._encode(picture, sections, setting) for setting in compared]
        if config.quality is not None and len(files) > 1:
            unit = config.quality.step(step)
            files.sort(key=lambda file: self._cost(picture, file, unit, visible))
        encoded = files[0]
        if verify and not self.decode_codes(encoded.data).equals(encoded.codes):
            raise CodingError("the file does not decode to its own codes; report the picture.")
        return encoded

    def _cost(
        self, picture: Picture, file: Encoded, step: float, visible: NDArray[np.bool_] | None
    ) -> float:
        size = picture.width, picture.height
        drawn = self.pixels_of_codes(file.codes, *size, file.quality, gray=picture.is_gray)
        return cost(picture.pixels, drawn, len(file.data), step, visible)

    def _encode(self, picture: Picture, sections: tuple[Section, ...], setting: Setting) -> Encoded:
        header = Header(
            width=picture.width,
            height=picture.height,
            mode="gray" if picture.is_gray else "rgb",
            streams=self._streams,
            quality_step=setting.quality_step,
            tile_log2=STREAM_TILE_LOG2,
            model_id=self.model.id[:8],
        )
        maps = PictureCodes(self.model.config.vqvae, picture.width, picture.height)
        coder = self._tile_coder(header)
        payloads, lengths = [], np.zeros(len(maps.levels))
        grid = _grid(header)
        for tile in grid:
            latents = self._latents.of_tile(picture.pixels, grid, tile.index, setting.quality_step)
            coded = coder.encode(latents, setting.bit_price)
            maps.put(tile, coded.codes)
            payloads.append(coded.payloads)
            lengths += coded.code_length_bits
        streams = tuple(zip(*payloads, strict=True))
        data = build(VqzFile(header, streams, sections))
        return Encoded(data, tuple(lengths.tolist()), maps.token_maps(), header.quality)

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
            InvalidFile: the file is damaged; where it is cut off, the message says how much is there.
            ModelError: it was made with another model.
            PictureError: the region is not inside the picture.
        """
        file = self._open(data, max_pixels=max_pixels, partial=partial)
        header = file.header
        count = len(self.model.config.vqvae.levels)
        if levels is not None and not 1 <= levels <= count:
            raise PictureError(f"this model has levels 1 to {count}, --levels {levels} is none.")
        grid = _grid(header)
        box = grid.picture if region is None else Box(region[1], region[0], region[3], region[2])
        grid.overlapping(box)  # refuses a box that is not inside
        seen = self._latents.seen(box, grid)
        if all(file.streams[0][tile.index] is None for tile in grid.overlapping(seen)):
            raise Truncated("the file is cut off before its first level; get it again.")
        maps, known = self._decode_codes(file, seen, levels or count)
        pixels = self._latents.pixels(
            maps.levels,
            grid,
            box,
            known,
            quality_step=header.quality_step,
            gray=header.mode == "gray",
        )
        return with_sections(pixels, file, box)

    def decode_codes(self, data: bytes, *, max_pixels: int = MAX_PIXELS) -> TokenMaps:
        """Return the codes of a .vqz file, the same on every machine.

        Raises:
            InvalidFile: the file is damaged.
            ModelError: it was made with another model.
        """
        file = self._open(data, max_pixels=max_pixels, partial=False)
        levels = len(self.model.config.vqvae.levels)
        return self._decode_codes(file, _grid(file.header).picture, levels)[0].token_maps()

    def completeness(self, data: bytes, *, max_pixels: int = MAX_PIXELS) -> Completeness:
        """Return how much of a file that may be cut off is there, without decoding it.

        Raises:
            InvalidFile: it is damaged before its codes begin.
            ModelError: it was made with another model.
        """
        file = self._open(data, max_pixels=max_pixels, partial=True)
        return completeness(file, self.model.config.vqvae.stream_of_level)

    def _open(self, data: bytes, *, max_pixels: int, partial: bool) -> VqzFile:
        """Return a file that this model decodes."""
        levels = self.model.config.vqvae.stream_of_level
        file = open_file(data, levels, max_pixels=max_pixels, partial=partial)
        self._check_model(file.header)
        return file

    def _decode_codes(
        self, file: VqzFile, box: Box, levels: int
    ) -> tuple[PictureCodes, dict[int, int]]:
        """Return the codes of the stream tiles that `box` touches, and by tile how many levels."""
        header = file.header
        maps = PictureCodes(self.model.config.vqvae, header.width, header.height)
        coder = self._tile_coder(header)
        known = {}

        def decode(tile: Tile) -> None:
            payloads = [stream[tile.index] for stream in file.streams]
            codes = coder.decode(payloads, maps.shapes(tile)[:levels])
            maps.put(tile, codes)
            known[tile.index] = len(codes)

        share(decode, _grid(header).overlapping(box), threads=self.backend.threads)
        return maps, known

    def to_codes(
        self, image: Image.Image, quality: float = DEFAULT_QUALITY, *, effort: int = DEFAULT_EFFORT
    ) -> TokenMaps:
        """Return codes of exactly this quality, as `from_codes` needs to be told.

        They are those of `encode`, but for effort 9, which may take the next eighth there.
        """
        from vqzip.pictures.read import picture_from_image

        picture = picture_from_image(image)
        encoded = self.encode_picture(picture, quality=quality, effort=effort, same_quality=True)
        return encoded.codes

    def from_codes(
        self,
        codes: TokenMaps,
        width: int,
        height: int,
        quality: float = DEFAULT_QUALITY,
        *,
        gray: bool = False,
    ) -> Image.Image:
        """Return the picture that codes stand for; see `pixels_of_codes`."""
        pixels = self.pixels_of_codes(codes, width, height, quality, gray=gray)
        from vqzip.pictures.write import image_from_picture

        return image_from_picture(Picture(pixels))

    def pixels_of_codes(
        self, codes: TokenMaps, width: int, height: int, quality: float, *, gray: bool
    ) -> NDArray[np.uint8]:
        """Return the pixels that codes stand for, `(H, W, 3)` or `(H, W)`.

        Args:
            codes: of every level.
            width: of the picture in pixels.
            height: of the picture in pixels.
            quality: that the codes were made with.
            gray: whether the picture has one channel.

        Raises:
            CodingError: the shapes do not fit the size, or a code is in no codebook.
        """
        maps = PictureCodes.from_token_maps(self.model.config.vqvae, codes, width, height)
        grid = TileGrid(width, height, 1 << STREAM_TILE_LOG2)
        known = {tile.index: len(maps.levels) for tile in grid}
        step = self.quality_step(quality)
        return self._latents.pixels(
            maps.levels, grid, grid.picture, known, quality_step=step, gray=gray
        )

    def quality_step(self, quality: float) -> int:
        """Return the eighths above quality 1 (0 for models of one quality).

        Raises:
            ModelError: the quality is not 1.0 to 8.0.
            UsageError: it is no number, or lies between the eighths.
        """
        if isinstance(quality, bool) or not isinstance(quality, (int, float, np.number)):
            raise UsageError(f"quality is a number from 1 to 8, got {quality!r}.")
        if self.model.config.vqvae.quality is None:
            return 0
        if not 1 <= quality <= 8:
            raise ModelError(f"quality goes from 1 to 8, got {quality:g}.")
        if not float(8 * quality).is_integer():
            raise UsageError(f"quality goes in steps of 1/8, as 4.125 or 4.25; got {quality:g}.")
        return round((quality - 1) * 8)

    def _tile_coder(self, header: Header) -> TileCoder:
        return TileCoder(
            self.backend,
            self.model.config.vqvae,
            quality_step=header.quality_step,
            gray=header.mode == "gray",
        )

    def _check_model(self, header: Header) -> None:
        if header.model_id != self.model.id[:8]:
            raise ModelError(
                f"the file was made with the model of fingerprint {header.model_id.hex()}, this is "
                f"{self.model.name} ({self.model.id[:8].hex()}); `vqzip models` lists those that are "
                "there, --model takes the folder of another."
            )
        if header.streams != self._streams:
            raise ModelError("the file has not as many streams as its model; get it again.")


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
