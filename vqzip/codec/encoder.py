"""Encodes a picture to the bytes of a .vqz file."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from vqzip.codec.decoder import Decoder
from vqzip.codec.effort import DEFAULT_EFFORT, ROUNDS, check_effort, cost
from vqzip.codec.latents import LatentTransform, tile_threads
from vqzip.codec.progress import Progress, Steps, part_of
from vqzip.codec.sections import sections_of
from vqzip.codec.tile_streams import CodedTile, TileCoder, get_tile, put_tile
from vqzip.codec.tiles import Tile, stream_tiles
from vqzip.codes import Codes, Frame
from vqzip.container.build import build
from vqzip.container.fields import Header, Section, VqzFile
from vqzip.errors import missing_package
from vqzip.models.folder import Model
from vqzip.pictures.hidden import visible_pixels, with_hidden_filled
from vqzip.pictures.picture import Picture
from vqzip.prior.backend import Backend
from vqzip.quality import Quality
from vqzip.threads import share

if TYPE_CHECKING:
    from vqzip.codec.refinement import Refinement


DECODES_A_ROUND = 6
"""A round of `Refinement` takes about so many times as long as an encode without it."""


@dataclass(frozen=True)
class Encoded:
    """A file and facts about it.

    Args:
        data: the bytes of the .vqz file.
        code_length_bits: code length of each level under the prior; not a file size.
        codes: the codes in the file.
    """

    data: bytes
    code_length_bits: tuple[float, ...]
    codes: Codes

    @property
    def quality(self) -> float:
        """1.0 to 8.0; 1.0 for models with one quality."""
        return self.codes.quality.value


class Encoder:
    """Encodes with one model.

    Args:
        model: from `vqzip.models.folder.load`.
        backend: the backend that runs its prior.
        latents: its networks.
        decoder: of the same model, for efforts that compare files.
    """

    def __init__(
        self, model: Model, backend: Backend, latents: LatentTransform, decoder: Decoder
    ) -> None:
        self._model, self._backend, self._latents = model, backend, latents
        self._decoder = decoder
        self._hierarchy = model.config.vqvae
        self._refinement: Refinement | None = None

    def encode(
        self,
        picture: Picture,
        quality: Quality,
        *,
        effort: int,
        bit_price: float | None,
        keep_hidden_colors: bool,
        progress: Progress | None = None,
    ) -> Encoded:
        """Encode a picture with its alpha and metadata; see `Codec.encode_picture`."""
        check_effort(effort, self._model.config)
        sections, visible = sections_of(picture), None
        if not keep_hidden_colors:
            picture, visible = with_hidden_filled(picture), visible_pixels(picture)
        if bit_price is None:
            bit_price = self._model.config.bit_price if effort >= DEFAULT_EFFORT else 0.0
        rounds = ROUNDS.get(effort, 0)
        before = 1 / (1 + DECODES_A_ROUND * rounds)
        begun = part_of(progress, 0, before)
        chosen = self._chosen(picture, sections, quality, bit_price, begun)
        if not rounds:
            return chosen
        codes = self._refined(picture, chosen.codes, rounds, visible, part_of(progress, before, 1))
        refined = self._known(codes, sections)
        unit = self._hierarchy.step(quality)
        return min((refined, chosen), key=lambda file: self._cost(picture, file, unit, visible))

    def _cost(
        self, picture: Picture, file: Encoded, step: float, visible: NDArray[np.bool_] | None
    ) -> float:
        decoded = self._decoder.pixels_of_codes(file.codes)
        return cost(picture.pixels, decoded, len(file.data), step, visible)

    def _chosen(
        self,
        picture: Picture,
        sections: tuple[Section, ...],
        quality: Quality,
        bit_price: float,
        progress: Progress | None,
    ) -> Encoded:
        """Encode with codes chosen by rate and distortion; with a price of 0, the nearest ones."""
        frame = Frame(picture.width, picture.height, quality, picture.is_gray)
        grid = stream_tiles(frame.width, frame.height)
        coder = TileCoder(self._backend, self._hierarchy, frame)

        def code(tile: Tile) -> CodedTile:
            latents = self._latents.of_tile(picture.pixels, grid, tile.index, frame)
            return coder.encode(latents, bit_price)

        return self._file(frame, sections, code, progress)

    def _known(self, codes: Codes, sections: tuple[Section, ...]) -> Encoded:
        """Encode codes that are there already."""
        coder = TileCoder(self._backend, self._hierarchy, codes)
        return self._file(
            codes, sections, lambda tile: coder.write(get_tile(codes, self._hierarchy, tile))
        )

    def _file(
        self,
        frame: Frame,
        sections: tuple[Section, ...],
        code: Callable[[Tile], CodedTile],
        progress: Progress | None = None,
    ) -> Encoded:
        codes = Codes.blank(self._hierarchy, frame)
        payloads: dict[int, list[bytes]] = {}
        lengths: dict[int, list[float]] = {}
        grid = stream_tiles(frame.width, frame.height)
        steps = Steps(progress, len(grid))

        def take(tile: Tile) -> None:
            coded = code(tile)
            put_tile(codes, self._hierarchy, tile, coded.codes)
            payloads[tile.index], lengths[tile.index] = coded.payloads, coded.code_length_bits
            steps.finish()

        share(take, list(grid), threads=min(tile_threads(), self._backend.threads))
        streams = zip(*(payloads[number] for number in range(len(grid))), strict=True)
        # Always in the same order, which decides the last digit of a sum.
        total = np.sum([lengths[number] for number in range(len(grid))], axis=0)
        header = Header(
            width=frame.width,
            height=frame.height,
            mode="gray" if frame.gray else "rgb",
            streams=self._hierarchy.streams,
            quality_step=frame.quality.eighths,
            tile_log2=grid.tile.bit_length() - 1,
            model_id=self._model.id[:8],
        )
        data = build(VqzFile(header, tuple(streams), sections))
        return Encoded(data, tuple(total.tolist()), codes)

    def _refined(
        self,
        picture: Picture,
        codes: Codes,
        rounds: int,
        visible: NDArray[np.bool_] | None,
        progress: Progress | None,
    ) -> Codes:
        try:
            from vqzip.codec.refinement import Refinement
        except ModuleNotFoundError as error:
            if error.name != "torch":
                raise
            raise missing_package("torch", "effort 2 and 3", "train") from error
        if self._refinement is None:
            self._refinement = Refinement.of_model(self._model)
        return self._refinement.refined(picture.pixels, codes, rounds, visible, progress)
