"""The codec without loss: a picture to the bytes of a .vqz file, and every sample of it back."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from vqzip.codec.lossless.reading import Reading
from vqzip.codec.lossless.samples import STREAMS, encode_tile, pixels_of, planes_of
from vqzip.codec.opening import Completeness, completeness, open_file
from vqzip.codec.sections import sections_of, with_sections
from vqzip.codec.tiles import Box, Tile, TileGrid
from vqzip.container.build import build
from vqzip.container.fields import Header, VqzFile
from vqzip.errors import LimitExceeded, ModelError, UsageError
from vqzip.models.abilities import Pixels, Score, Written
from vqzip.pictures.limits import MAX_PIXELS
from vqzip.pictures.picture import Picture
from vqzip.prior.pixels.backend import backend_for
from vqzip.prior.pixels.model import PixelPrior
from vqzip.prior.pixels.spec import TILE_LOG2
from vqzip.threads import share

if TYPE_CHECKING:
    from PIL import Image


@dataclass(frozen=True)
class LosslessFile:
    """A file and the picture in it.

    Args:
        data: the bytes of the .vqz file.
        picture: that was written.
    """

    data: bytes
    picture: Picture

    quality = 1.0


class LosslessCodec:
    """Encodes and decodes without loss; see `vqzip.models.abilities.Compresses`.

    Args:
        name: of the model.
        model_id: 32 bytes.
        prior: of its samples.
    """

    has_qualities = False

    def __init__(self, name: str, model_id: bytes, prior: PixelPrior) -> None:
        self.name, self.id = name, model_id
        self._backend = backend_for(prior)

    def encode(self, image: Image.Image, quality: float = 1.0, *, effort: int = 1) -> bytes:
        """Return the file of an image of Pillow.

        Args:
            image: of any mode that Pillow converts to RGB or gray.
            quality: ignored, because there is one.
            effort: ignored, because there is one.

        Raises:
            PictureError: the image cannot be encoded.
        """
        from vqzip.pictures.read import picture_from_image

        return self.encode_picture(picture_from_image(image), quality=quality, effort=effort).data

    def decode(self, data: bytes) -> Image.Image:
        """Return the image of a file.

        Raises:
            InvalidFile: the file is damaged.
            ModelError: it was made with another model.
        """
        if not isinstance(data, (bytes, bytearray, memoryview)):
            raise UsageError(f"decode takes the bytes of a file, got {type(data).__name__}.")
        from vqzip.pictures.write import image_from_picture

        return image_from_picture(self.decode_picture(bytes(data)))

    def encode_picture(
        self,
        picture: Picture,
        *,
        quality: float = 1.0,
        effort: int = 1,
        keep_hidden_colors: bool = True,
    ) -> LosslessFile:
        """Return the file of a picture with its alpha and metadata.

        Args:
            picture: from `vqzip.pictures`.
            quality: ignored, because there is one.
            effort: ignored, because there is one.
            keep_hidden_colors: ignored; all colors are kept.

        Raises:
            PictureError: an item of metadata is too large.
        """
        del quality, effort, keep_hidden_colors
        grid = TileGrid(picture.width, picture.height, 1 << TILE_LOG2)
        planes = planes_of(picture.pixels)
        payloads: list[tuple[bytes, bytes]] = [(b"", b"")] * len(grid)

        def code(tile: Tile) -> None:
            payloads[tile.index] = encode_tile(self._backend, planes[(slice(None), *tile.slices)])

        share(code, list(grid))
        header = Header(
            width=picture.width,
            height=picture.height,
            mode="gray" if picture.is_gray else "rgb",
            streams=len(STREAMS),
            quality_step=0,
            tile_log2=TILE_LOG2,
            model_id=self.id[:8],
        )
        streams = tuple(tuple(tile[stream] for tile in payloads) for stream in STREAMS)
        return LosslessFile(build(VqzFile(header, streams, sections_of(picture))), picture)

    def decode_picture(
        self,
        data: bytes,
        *,
        levels: int | None = None,
        partial: bool = False,
        region: tuple[int, int, int, int] | None = None,
        max_pixels: int = MAX_PIXELS,
    ) -> Picture:
        """Return the picture of a file, or a region of it.

        Args:
            data: the file.
            levels: 1 for a blurred preview, from every 16th sample of every 16th row.
            partial: accept a truncated file; what is missing is drawn from the preview.
            region: `(left, top, width, height)` in pixels; only its tiles are decoded.
            max_pixels: refuse larger pictures.

        Raises:
            InvalidFile: the file is damaged.
            ModelError: it was made with another model.
            PictureError: the region is not inside the picture.
            UsageError: there is no such level.
        """
        if levels not in (None, *range(1, len(STREAMS) + 1)):
            raise UsageError(f"the model '{self.name}' has levels 1 to {len(STREAMS)}.")
        file = self._open(data, max_pixels=max_pixels, partial=partial)
        grid = TileGrid(file.header.width, file.header.height, file.header.tile_side)
        box = grid.picture if region is None else Box(region[1], region[0], region[3], region[2])
        reading = Reading(self._backend, file, grid)
        return with_sections(pixels_of(reading.samples(box, levels or len(STREAMS))), file, box)

    def completeness(self, data: bytes, *, max_pixels: int = MAX_PIXELS) -> Completeness:
        """Return how much of a truncated file is left."""
        return completeness(self._open(data, max_pixels=max_pixels, partial=True), STREAMS)

    def holds(self, data: bytes, written: Written, *, max_pixels: int = MAX_PIXELS) -> bool:
        """Return whether a file decodes to the picture that was written into it."""
        if not isinstance(written, LosslessFile):
            return False
        found, wanted = self.decode_picture(data, max_pixels=max_pixels), written.picture
        return (
            np.array_equal(found.pixels, wanted.pixels)
            and _same(found.alpha, wanted.alpha)
            and found.metadata == wanted.metadata
        )

    def score(self, pixels: Pixels, *, labels: object = None, seed: int = 0) -> Score:
        """Return the bits of the file of each picture; see `vqzip.models.abilities.Scores`."""
        del labels, seed
        pictures = [Picture(one[:, :, 0] if one.shape[2] == 1 else one) for one in pixels]
        sizes = [8.0 * len(self.encode_picture(picture).data) for picture in pictures]
        return Score(np.array(sizes), "file")

    def _open(self, data: bytes, *, max_pixels: int, partial: bool) -> VqzFile:
        file = open_file(data, STREAMS, max_pixels=max_pixels, partial=partial)
        header = file.header
        if header.model_id != self.id[:8]:
            raise ModelError(
                f"the file was made with the model {header.model_id.hex()}, but this is "
                f"{self.name} ({self.id[:8].hex()}); `vqzip models` lists the installed models, "
                "`model` takes the folder of another."
            )
        if header.streams != len(STREAMS) or header.quality_step:
            raise ModelError("the file and its model do not fit together; download the file again.")
        if header.tile_log2 != TILE_LOG2:
            raise LimitExceeded(
                f"files of this model have tiles of {1 << TILE_LOG2} pixels, not {header.tile_side}."
            )
        return file


def _same(one: NDArray[np.uint8] | None, other: NDArray[np.uint8] | None) -> bool:
    if one is None or other is None:
        return one is other
    return np.array_equal(one, other)
