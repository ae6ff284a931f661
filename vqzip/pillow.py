"""The plugin for Pillow: after `import vqzip.pillow`, Pillow opens and saves .vqz files as any other format.

    >>> import vqzip.pillow
    >>> image = Image.open("photo.vqz")
    >>> image.thumbnail((256, 256))  # reads and decodes the coarse levels only
    >>> image.save("small.vqz", quality=4)

Opening reads size, mode and metadata; pixels are decoded when they are needed. Importing this module loads
neither NumPy nor the networks.
"""

from __future__ import annotations

from typing import IO, TYPE_CHECKING, Any, BinaryIO, cast

from PIL import Image, ImageFile

from vqzip.container.fields import KIND_ALPHA, MAGIC
from vqzip.container.front import read_front
from vqzip.container.parse import parse
from vqzip.errors import ModelError, UsageError, VqzipError
from vqzip.pictures.limits import MAX_PIXELS

if TYPE_CHECKING:
    from collections.abc import Mapping

    from vqzip.pictures.picture import Picture

FORMAT, SUFFIX, MIME_TYPE = "VQZ", ".vqz", "image/x-vqz"

REDUCTIONS = (2, 4, 8, 16, 32)
LARGER_BY_AT_MOST = 2**0.5
"""`draft` takes the size that is nearest to the one that it is asked for, by the logarithm."""

ENCODER_OPTIONS = (
    "quality", "max_bytes", "bpp", "psnr", "ms_ssim", "strip", "strict", "max_pixels", "model", "effort", "device",
)  # fmt: skip
"""Options of `save` that `vqzip.encode` takes, too."""

METADATA = ("exif", "icc_profile", "xmp")


class VqzImageFile(ImageFile.ImageFile):
    """A .vqz file that was opened."""

    format = FORMAT
    format_description = "vqzip"

    def _open(self) -> None:
        from vqzip.codec.sections import metadata_of
        from vqzip.pictures.metadata_out import image_info

        try:
            front = read_front(self._file())
            self.info.update(image_info(metadata_of(front)))
        except VqzipError as error:
            raise SyntaxError(str(error)) from error
        header = front.header
        self._full_size = self._size = header.width, header.height
        alpha = "" if front.section(KIND_ALPHA) is None else "A"
        self._mode = ("L" if header.mode == "gray" else "RGB") + alpha
        self._reduction = 1
        self._set_tile()

    def draft(
        self, mode: str | None, size: tuple[int, int] | None
    ) -> tuple[str, tuple[int, int, float, float]] | None:
        """Choose the size to decode: the nearest to `size` out of 1/2, 1/4, 1/8, 1/16 and 1/32 of the picture.

        `thumbnail` calls this. It has no effect on an image that was loaded.

        Args:
            mode: is ignored.
            size: the width and height that are wanted.

        Returns:
            The mode, and the picture's box in the new size; None if nothing was changed.
        """
        del mode
        if not self.tile or size is None:
            return None
        width, height = self._full_size
        most = LARGER_BY_AT_MOST * min(width / max(1, size[0]), height / max(1, size[1]))
        reduction = max((r for r in REDUCTIONS if r <= most), default=1)
        if reduction == self._reduction:
            return None
        self._reduction = reduction
        self._size = -(-width // reduction), -(-height // reduction)
        self._set_tile()
        return self.mode, (0, 0, width / reduction, height / reduction)

    def load(self) -> Any:
        """Decode the pixels if that has not been done.

        Raises:
            OSError: the file is damaged or truncated, or its model is not installed. With
                `PIL.ImageFile.LOAD_TRUNCATED_IMAGES`, what is left of a truncated file is decoded.
        """
        if self.tile:
            from vqzip.pictures.write import image_from_picture

            try:
                image = image_from_picture(self._decoded())
            except VqzipError as error:
                raise OSError(str(error)) from error
            if image.size != self.size:  # of a family that has no levels
                image = image.reduce(self._reduction)
            self.im = image.im
            self.tile = []
            if self._exclusive_fp and self.fp is not None:
                self.fp.close()
            self.fp = None
        return super().load()

    def load_seek(self, pos: int) -> None:
        """Do nothing: Pillow's incremental parser sees by this method that it needs the whole file."""

    def verify(self) -> None:
        """Check the file's checksums.

        Raises:
            OSError: it is damaged or truncated.
        """
        file = self._file()
        file.seek(0)
        try:
            parse(file.read(), max_pixels=MAX_PIXELS)
        except VqzipError as error:
            raise OSError(str(error)) from error
        super().verify()

    def _set_tile(self) -> None:
        """Tell Pillow that pixels are to be loaded."""
        self.tile = [ImageFile._Tile("raw", (0, 0, *self._size), 0, (self._mode,))]

    def _decoded(self) -> Picture:
        from vqzip.codec.codec import Codec
        from vqzip.families.shared import shared_model_for
        from vqzip.models.abilities import compressing

        file = self._file()
        file.seek(0)
        if self._reduction > 1 and not ImageFile.LOAD_TRUNCATED_IMAGES:
            codec = shared_model_for(file.read(64))
            if isinstance(codec, Codec):
                return codec.decode_reduced(file, self._reduction)
            file.seek(0)
        data = file.read()
        codec = shared_model_for(data)
        partial = bool(ImageFile.LOAD_TRUNCATED_IMAGES)
        if isinstance(codec, Codec):
            return codec.decode_reduced(data, self._reduction, partial=partial)
        return compressing(codec).decode_picture(data, partial=partial)

    def _file(self) -> BinaryIO:
        if self.fp is None:
            raise ValueError("the image was closed; open its file again")
        return cast("BinaryIO", self.fp)


def _accept(prefix: bytes) -> bool:
    return prefix.startswith(MAGIC)


def _save(im: Image.Image, fp: IO[bytes], filename: str | bytes) -> None:
    """Write an image as a .vqz file; `vqzip.encode` describes the options."""
    from vqzip.api.encoding import Settings, encode

    del filename
    options: Mapping[str, Any] = im.encoderinfo
    given = {name: options[name] for name in ENCODER_OPTIONS if options.get(name) is not None}
    try:
        data = encode(_with_metadata(im, options), Settings(**given))
    except (ModelError, UsageError) as error:
        raise ValueError(str(error)) from error
    except VqzipError as error:
        raise OSError(str(error)) from error
    fp.write(data)


def _with_metadata(im: Image.Image, options: Mapping[str, Any]) -> Image.Image:
    """Return a copy with the metadata to write.

    As with Pillow's own formats, a profile stays, and EXIF and XMP are written if they are given.
    """
    copy = im.copy()
    # Texts of PNG files may hold EXIF and XMP.
    copy.info = {
        key: value
        for key, value in im.info.items()
        if key not in METADATA and not isinstance(value, str)
    }
    exif = options.get("exif")
    if isinstance(exif, Image.Exif):
        exif = exif.tobytes()
    xmp = options.get("xmp")
    if isinstance(xmp, str):
        xmp = xmp.encode("utf-8")
    profile = options.get("icc_profile", im.info.get("icc_profile"))
    for name, value in zip(METADATA, (exif, profile, xmp), strict=True):
        if value:
            copy.info[name] = value
    return copy


Image.register_open(FORMAT, VqzImageFile, _accept)
Image.register_save(FORMAT, _save)
Image.register_extension(FORMAT, SUFFIX)
Image.register_mime(FORMAT, MIME_TYPE)
