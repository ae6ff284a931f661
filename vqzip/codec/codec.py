"""The codec: pictures to .vqz files and back.

Encode: picture -> stream tiles -> VQ-VAE latents -> codes chosen by rate and distortion under the
exact prior -> ANS streams -> container. Decode is the same path backward. Codes are decoded
exactly, pixels up to the rounding of floats.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

import numpy as np
from numpy.typing import NDArray

from vqzip.codec.decoder import Decoder
from vqzip.codec.effort import DEFAULT_EFFORT
from vqzip.codec.encoder import Encoded, Encoder
from vqzip.codec.latents import LatentTransform
from vqzip.codec.opening import Completeness
from vqzip.codec.progress import Progress
from vqzip.codec.reduced import ReducedDecoder
from vqzip.codec.tokens import Tokenizes
from vqzip.codes import Codes
from vqzip.errors import CodingError, UsageError
from vqzip.models.abilities import Draw, Written, refuse_settings
from vqzip.models.folder import DEFAULT_MODEL, Model
from vqzip.models.folder import load as load_model
from vqzip.pictures.limits import MAX_PIXELS
from vqzip.pictures.picture import Picture
from vqzip.prior.walk import backend_for

if TYPE_CHECKING:
    from PIL import Image

DEFAULT_QUALITY = 6.0


class Codec(Tokenizes):
    """Encodes and decodes with one model.

    Args:
        model: from `vqzip.models.folder.load`.
    """

    def __init__(self, model: Model) -> None:
        self.model, self.name = model, model.name
        self.has_qualities = model.config.has_qualities
        self.backend = backend_for(model.prior)
        latents = LatentTransform(model.autoencoder)
        self._decoder = Decoder(model, self.backend, latents)
        self._reduced = ReducedDecoder(model, self.backend, latents, self._decoder)
        self._encoder = Encoder(model, self.backend, latents, self._decoder)

    def encode(
        self, image: Image.Image, quality: float = DEFAULT_QUALITY, *, effort: int = DEFAULT_EFFORT
    ) -> bytes:
        """Return the bytes of a .vqz file.

        Args:
            image: of any mode that Pillow converts to RGB or gray.
            quality: 1.0 to 8.0 by eighths.
            effort: 0 to 3, see `encode_picture`.

        Raises:
            PictureError: the image cannot be encoded.
            ModelError: the model does not have the quality.
        """
        return self._encoded(image, quality, effort).data

    def decode(self, data: bytes) -> Image.Image:
        """Return the picture of a .vqz file.

        Raises:
            InvalidFile: the file is damaged.
            ModelError: it was made with another model.
        """
        from vqzip.pictures.write import image_from_picture

        return image_from_picture(self.decode_picture(_checked(data)))

    def encode_picture(
        self,
        picture: Picture,
        *,
        quality: float = DEFAULT_QUALITY,
        effort: int = DEFAULT_EFFORT,
        bit_price: float | None = None,
        verify: bool = False,
        keep_hidden_colors: bool = False,
        progress: Progress | None = None,
    ) -> Encoded:
        """Encode a picture with its alpha and metadata.

        Args:
            picture: from `vqzip.pictures`.
            quality: 1.0 to 8.0 by eighths.
            effort: 0 (nearest codes) to 3, see `vqzip.codec.effort.check_effort`.
            bit_price: lambda in squared steps a bit, instead of the model's own.
            verify: decode the codes of the file and compare them.
            keep_hidden_colors: keep the colors under alpha 0. Otherwise they are replaced by colors that
                cost few bits, and they do not count when files are compared.
            progress: is called with the share of the work that is done.

        Raises:
            ModelError: the model does not have the quality.
            PictureError: an item of metadata is too large.
            UsageError: the model has not got the effort, or it needs torch.
            CodingError: verification failed.
        """
        wanted = self.model.config.vqvae.nearest_quality(quality)
        encoded = self._encoder.encode(
            picture,
            wanted,
            effort=effort,
            bit_price=bit_price,
            keep_hidden_colors=keep_hidden_colors,
            progress=progress,
        )
        if verify and not self.holds(encoded.data, encoded):
            raise CodingError("the file does not decode to its own codes; report the picture.")
        return encoded

    def holds(self, data: bytes, written: Written, *, max_pixels: int = MAX_PIXELS) -> bool:
        """Return whether a file decodes to the codes that `encode_picture` wrote."""
        codes = self.decode_codes(data, max_pixels=max_pixels)
        return isinstance(written, Encoded) and codes.equals(written.codes)

    def decode_picture(
        self,
        data: bytes,
        *,
        levels: int | None = None,
        partial: bool = False,
        region: tuple[int, int, int, int] | None = None,
        max_pixels: int = MAX_PIXELS,
        progress: Progress | None = None,
    ) -> Picture:
        """Decode a .vqz file.

        Args:
            data: the file.
            levels: decode only this many levels, coarse first: a blurred picture, faster.
            partial: accept a truncated file; missing parts are decoded from the coarser levels.
            region: `(left, top, width, height)` in pixels; only this part is decoded and returned.
            max_pixels: refuse larger pictures.
            progress: is called with the share of the work that is done.

        Raises:
            InvalidFile: the file is damaged; if it is truncated, the message says how much is left.
            ModelError: it was made with another model.
            PictureError: the region is not inside the picture.
        """
        file = self._decoder.open(data, max_pixels=max_pixels, partial=partial)
        return self._decoder.picture(file, levels, region, progress)

    def decode_reduced(
        self,
        source: bytes | BinaryIO,
        reduction: int,
        *,
        levels: int | None = None,
        partial: bool = False,
        max_pixels: int = MAX_PIXELS,
    ) -> Picture:
        """Decode a .vqz file at a fraction of its size, from its coarse levels.

        At 1/8, that takes a fiftieth of the time of the whole picture. Models without a wavelet decode the
        whole picture first.

        Args:
            source: the bytes of a file, or a file that is open for reading and seekable. Of an open file, only
                what is needed is read, so its CRC-32 is not checked.
            reduction: 1, 2, 4, 8, 16 or 32; sides are divided by it and rounded up.
            levels: decode only this many levels: a softer picture, for which less is read.
            partial: accept the bytes of a truncated file; missing parts are decoded from coarser levels.
            max_pixels: refuse pictures that are larger at their full size.

        Raises:
            InvalidFile: the file is damaged.
            ModelError: it was made with another model.
            UsageError: the reduction is another number.
            OSError: an open file cannot be read.
        """
        return self._reduced.decode(
            source, reduction, levels=levels, partial=partial, max_pixels=max_pixels
        )

    def decode_codes(self, data: bytes, *, max_pixels: int = MAX_PIXELS) -> Codes:
        """Return the codes of a .vqz file, the same on every machine.

        Raises:
            InvalidFile: the file is damaged.
            ModelError: it was made with another model.
        """
        return self._decoder.codes(self._decoder.open(data, max_pixels=max_pixels, partial=False))

    def completeness(self, data: bytes, *, max_pixels: int = MAX_PIXELS) -> Completeness:
        """Return how much of a truncated file is left, without decoding it.

        Raises:
            InvalidFile: it is damaged before its codes begin.
            ModelError: it was made with another model.
        """
        file = self._decoder.open(data, max_pixels=max_pixels, partial=True)
        return self._decoder.completeness(file)

    def to_codes(
        self, image: Image.Image, quality: float = DEFAULT_QUALITY, *, effort: int = DEFAULT_EFFORT
    ) -> Codes:
        """Return the codes that `encode` would write."""
        return self._encoded(image, quality, effort).codes

    def from_codes(self, codes: Codes) -> Image.Image:
        """Return the picture of codes; see `pixels_of_codes`."""
        from vqzip.pictures.write import image_from_picture

        return image_from_picture(Picture(self.pixels_of_codes(codes)))

    def pixels_of_codes(self, codes: Codes) -> NDArray[np.uint8]:
        """Return the pixels of the codes of every level, `(H, W, 3)` or `(H, W)`.

        Raises:
            CodingError: the shapes do not fit the size, or a code is in no codebook.
        """
        return self._decoder.pixels_of_codes(codes)

    def sample(self, draw: Draw) -> list[Picture]:
        """Sample pictures from the prior; see `vqzip.codec.sampling`."""
        from vqzip.codec.sampling import sample

        refuse_settings(self, draw, "label", "top_k")
        return sample(self, draw)

    def _encoded(self, image: Image.Image, quality: float, effort: int) -> Encoded:
        from vqzip.pictures.read import picture_from_image

        return self.encode_picture(picture_from_image(image), quality=quality, effort=effort)


def load(name_or_path: str | Path = DEFAULT_MODEL, device: str = "cpu") -> Codec:
    """Load a model by name or folder and return its codec.

    Args:
        name_or_path: such as `photo`, or the folder of a model or a training run.
        device: where the networks run; entropy coding is always on the CPU.

    Raises:
        ModelError: there is no such model or device, or the model is damaged.
    """
    return Codec(load_model(name_or_path, device))


def _checked(data: object) -> bytes:
    """Return the bytes that a caller gave.

    Raises:
        UsageError: it is something else.
    """
    if isinstance(data, (bytes, bytearray, memoryview)):
        return bytes(data)
    raise UsageError(
        f"decode takes the bytes of a .vqz file, got {type(data).__name__}; read the file "
        "with Path(...).read_bytes() first."
    )
