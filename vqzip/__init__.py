"""vqzip: a neural image codec.

    >>> import vqzip
    >>> data = vqzip.encode(image, quality=4)
    >>> image = vqzip.decode(data)

Importing `vqzip` loads neither torch nor NumPy; the first function that needs a model does.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, TypedDict

from vqzip.errors import (
    ChecksumMismatch,
    CodingError,
    InvalidFile,
    LimitExceeded,
    ModelError,
    NotVqz,
    PictureError,
    RecipeError,
    TargetUnreachable,
    TrainingError,
    Truncated,
    UnsupportedVersion,
    UsageError,
    VqzipError,
)
from vqzip.pictures.limits import MAX_PIXELS

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from os import PathLike

    from PIL.Image import Image
    from typing_extensions import Unpack

    from vqzip.api.encoding import Given
    from vqzip.codec.codec import Codec
    from vqzip.codes import Codes

__version__ = "0.1.0"

__all__ = [
    "ChecksumMismatch",
    "Codec",
    "Codes",
    "CodingError",
    "InvalidFile",
    "LimitExceeded",
    "ModelError",
    "NotVqz",
    "PictureError",
    "RecipeError",
    "TargetUnreachable",
    "TrainingError",
    "Truncated",
    "UnsupportedVersion",
    "UsageError",
    "VqzipError",
    "__version__",
    "decode",
    "decode_many",
    "encode",
    "encode_many",
    "load",
    "open",
]


class EncodeSettings(TypedDict, total=False):
    """The settings of `encode`."""

    max_bytes: int | None
    bpp: float | None
    psnr: float | None
    ms_ssim: float | None
    strip: bool
    strict: bool
    max_pixels: int
    model: str | PathLike[str]
    effort: int
    device: str


class DecodeSettings(TypedDict, total=False):
    """The settings of `decode`."""

    region: tuple[int, int, int, int] | None
    levels: int | None
    reduction: int
    partial: bool
    max_pixels: int
    model: str | PathLike[str] | None
    device: str


def encode(
    image: Given,
    quality: float | str | None = None,
    *,
    max_bytes: int | None = None,
    bpp: float | None = None,
    psnr: float | None = None,
    ms_ssim: float | None = None,
    strip: bool = False,
    strict: bool = False,
    max_pixels: int = MAX_PIXELS,
    model: str | PathLike[str] = "photo",
    effort: int = 1,
    device: str = "cpu",
) -> bytes:
    """Return the bytes of a .vqz file.

    The model is loaded at the first call and stays in memory. Any number of threads may call this function at
    once; a forked process may, too.

    Args:
        image: a Pillow image, the path or the bytes of a picture file, or a uint8 array `(H, W)` or
            `(H, W, 1 to 4)`: gray, gray with alpha, RGB, RGBA.
        quality: 1 to 8 in steps of 1/8, or a name: `thumbnail` (1), `web` (4), `good` (6), `archive` (8).
            Default: 6. At most one of `quality`, `max_bytes`, `bpp`, `psnr` and `ms_ssim` may be given.
        max_bytes: at most this many bytes, with the best quality that fits.
        bpp: at most this many bits per pixel.
        psnr: at least this PSNR in dB, in as few bytes as possible.
        ms_ssim: at least this MS-SSIM, 0 to 1; it needs the extra `report`, and 161 pixels on each side.
        strip: leave out ICC, EXIF and XMP; colors are converted to sRGB first.
        strict: refuse pictures of which something is not kept.
        max_pixels: refuse larger pictures, before their pixels are decoded.
        model: name of an installed model (`vqzip models` lists them) or a model folder.
        effort: 0 (fastest) to 3 (fewest bits); 2 and 3 need torch and a model made for PSNR.
        device: `cpu`, `cuda` or `cuda:N`.

    Raises:
        PictureError: the image cannot be read or coded, is too large, or not kept although `strict`.
        ModelError: there is no such model, or it does not have the quality.
        TargetUnreachable: no setting of the model reaches the goal.
        UsageError: two goals are given, or a setting is out of its range.
    """
    from vqzip.api.encoding import Settings
    from vqzip.api.encoding import encode as encoded

    settings = Settings(
        quality=quality,
        max_bytes=max_bytes,
        bpp=bpp,
        psnr=psnr,
        ms_ssim=ms_ssim,
        strip=strip,
        strict=strict,
        max_pixels=max_pixels,
        model=model,
        effort=effort,
        device=device,
    )
    return encoded(image, settings)


def encode_many(
    images: Iterable[Given], quality: float | str | None = None, **settings: Unpack[EncodeSettings]
) -> Iterator[bytes]:
    """Yield the .vqz file of each picture, in their order.

    Several threads work on a few pictures at a time, so memory does not grow with their number. The files are
    those that `encode` returns.

    Args:
        images: as for `encode`; an array `(N, H, W, 3)` is N pictures.
        quality: as for `encode`.
        settings: the other settings of `encode`.

    Raises:
        VqzipError: as `encode`, when the first picture that cannot be coded is reached.
    """
    from vqzip.api.encoding import Settings
    from vqzip.api.encoding import encode_many as encoded

    return encoded(images, Settings(quality=quality, **settings))


def decode(
    file: bytes | str | PathLike[str],
    *,
    region: tuple[int, int, int, int] | None = None,
    levels: int | None = None,
    reduction: int = 1,
    partial: bool = False,
    max_pixels: int = MAX_PIXELS,
    model: str | PathLike[str] | None = None,
    device: str = "cpu",
) -> Image:
    """Return the picture of a .vqz file, decoded with the model that the file names.

    The model is loaded at the first call and stays in memory. Any number of threads may call this function at
    once; a forked process may, too.

    Args:
        file: its bytes, or its path.
        region: `(left, top, width, height)` in pixels; only this part is decoded and returned.
        levels: decode only this many levels, coarse first: a blurred picture.
        reduction: 1, 2, 4, 8, 16 or 32; sides are divided by it. A thumbnail at 1/8 takes a fiftieth of the
            time; of a path, only a part of the file is read, and its checksum is not checked. With `levels`, still less
            is read.
        partial: accept a truncated file; missing parts are decoded from the coarser levels.
        max_pixels: refuse larger pictures, before any work is done for them.
        model: name or folder of the model, if it is not installed.
        device: `cpu`, `cuda` or `cuda:N`; the codes are the same on every device.

    Raises:
        OSError: the file cannot be read.
        InvalidFile: it is damaged; `LimitExceeded`: it is too large.
        ModelError: its model is not installed.
        PictureError: the region is not inside the picture.
    """
    from vqzip.api.decoding import Settings
    from vqzip.api.decoding import decode as decoded

    settings = Settings(
        region=region,
        levels=levels,
        reduction=reduction,
        partial=partial,
        max_pixels=max_pixels,
        model=model,
        device=device,
    )
    return decoded(file, settings)


def decode_many(
    files: Iterable[bytes | str | PathLike[str]], **settings: Unpack[DecodeSettings]
) -> Iterator[Image]:
    """Yield the picture of each file, in their order.

    Several threads work on a few files at a time, so memory does not grow with their number.

    Args:
        files: as for `decode`.
        settings: those of `decode`.

    Raises:
        VqzipError: as `decode`, when the first file that cannot be decoded is reached.
    """
    from vqzip.api.decoding import Settings
    from vqzip.api.decoding import decode_many as decoded

    return decoded(files, Settings(**settings))


def open(path: str | PathLike[str], **settings: Unpack[DecodeSettings]) -> Image:
    """Return the picture in a .vqz file on disk: `decode` for a path."""
    return decode(path, **settings)


def load(name_or_path: str = "photo", device: str = "cpu") -> Codec:
    """Load a model with codes and return the codec that encodes and decodes with it.

    Models of every family: `vqzip.families.known.load_model`.

    Args:
        name_or_path: name of an installed model (`vqzip models` lists them) or a model folder.
        device: `cpu`, `cuda` or `cuda:N`; the codes are the same on every device.

    Raises:
        ModelError: no such model, or it is damaged, or the device is not there.
    """
    from vqzip.codec.codec import load as load_codec

    return load_codec(name_or_path, device)


def __getattr__(name: str) -> object:
    """Import `Codec` and `Codes` on first use, because they need NumPy."""
    if name == "Codec":
        from vqzip.codec.codec import Codec

        return Codec
    if name == "Codes":
        from vqzip.codes import Codes

        return Codes
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
