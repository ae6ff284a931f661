"""From a picture to the bytes of a .vqz file."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from vqzip.codec.decoder import Decoder
from vqzip.codec.effort import Setting, cost, settings
from vqzip.codec.latents import LatentTransform
from vqzip.codec.sections import sections_of
from vqzip.codec.tile_streams import TileCoder, put_tile
from vqzip.codec.tiles import stream_tiles
from vqzip.codes import Codes, Frame
from vqzip.container.build import build
from vqzip.container.fields import Header, Section, VqzFile
from vqzip.models.folder import Model
from vqzip.pictures.hidden import visible_pixels, with_hidden_filled
from vqzip.pictures.picture import Picture
from vqzip.prior.backend import Backend
from vqzip.quality import Quality


@dataclass(frozen=True)
class Encoded:
    """A file and what is known of it.

    Args:
        data: the bytes of the .vqz file.
        code_length_bits: code length of each level under the prior; not a file size.
        codes: what the file holds.
    """

    data: bytes
    code_length_bits: tuple[float, ...]
    codes: Codes

    @property
    def quality(self) -> float:
        """1.0 to 8.0; 1.0 for models of one quality."""
        return self.codes.quality.value


class Encoder:
    """Encodes with one model.

    Args:
        model: from `vqzip.models.folder.load`.
        backend: runs its prior.
        latents: its networks.
        decoder: of the same model, for efforts that compare files.
    """

    def __init__(
        self, model: Model, backend: Backend, latents: LatentTransform, decoder: Decoder
    ) -> None:
        self._model, self._backend, self._latents = model, backend, latents
        self._decoder = decoder
        self._hierarchy = model.config.vqvae

    def encode(
        self,
        picture: Picture,
        quality: Quality,
        *,
        effort: int,
        bit_price: float | None,
        keep_hidden_colors: bool,
    ) -> Encoded:
        """Encode a picture with its alpha and metadata; see `Codec.encode_picture`."""
        compared = settings(effort, quality, self._model.config)
        if bit_price is not None:
            compared = [Setting(quality, bit_price)]
        sections, visible = sections_of(picture), None
        if not keep_hidden_colors:
            picture, visible = with_hidden_filled(picture), visible_pixels(picture)
        files = [self._encode(picture, sections, setting) for setting in compared]
        if len(files) > 1:
            unit = self._hierarchy.step(quality)
            files.sort(key=lambda file: self._cost(picture, file, unit, visible))
        return files[0]

    def _cost(
        self, picture: Picture, file: Encoded, step: float, visible: NDArray[np.bool_] | None
    ) -> float:
        decoded = self._decoder.pixels_of_codes(file.codes)
        return cost(picture.pixels, decoded, len(file.data), step, visible)

    def _encode(self, picture: Picture, sections: tuple[Section, ...], setting: Setting) -> Encoded:
        frame = Frame(picture.width, picture.height, setting.quality, picture.is_gray)
        codes = Codes.blank(self._hierarchy, frame)
        coder = TileCoder(self._backend, self._hierarchy, frame)
        payloads, lengths = [], np.zeros(len(codes.levels))
        grid = stream_tiles(frame.width, frame.height)
        for tile in grid:
            latents = self._latents.of_tile(picture.pixels, grid, tile.index, frame)
            coded = coder.encode(latents, setting.bit_price)
            put_tile(codes, self._hierarchy, tile, coded.codes)
            payloads.append(coded.payloads)
            lengths += coded.code_length_bits
        header = Header(
            width=frame.width,
            height=frame.height,
            mode="gray" if frame.gray else "rgb",
            streams=self._hierarchy.streams,
            quality_step=frame.quality.eighths,
            tile_log2=grid.tile.bit_length() - 1,
            model_id=self._model.id[:8],
        )
        data = build(VqzFile(header, tuple(zip(*payloads, strict=True)), sections))
        return Encoded(data, tuple(lengths.tolist()), codes)
