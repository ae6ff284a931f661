"""vqzip: a neural image codec.

    >>> import vqzip
    >>> data = vqzip.encode(image, quality=4)
    >>> image = vqzip.decode(data)

Importing `vqzip` loads neither torch nor NumPy; the first function that needs a model does.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

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

if TYPE_CHECKING:
    from os import PathLike

    from PIL.Image import Image

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
    "encode",
    "load",
    "open",
]


def encode(
    image: Image,
    quality: float = 4.0,
    *,
    model: str = "photo",
    effort: int = 1,
    device: str = "cpu",
) -> bytes:
    """Return the bytes of a .vqz file.

    Args:
        image: of any mode that Pillow converts to RGB or gray.
        quality: 1.0 to 8.0 by eighths.
        model: name of an installed model (`vqzip models` lists them) or a model folder.
        effort: 0 (fastest) to 3 (fewest bits); 2 and 3 need torch and a model made for PSNR.
        device: `cpu`, `cuda` or `cuda:N`.

    Raises:
        PictureError: the image cannot be coded.
        ModelError: there is no such model, or it does not have the quality.
    """
    from vqzip.families.known import load_model
    from vqzip.models.abilities import compressing

    return compressing(load_model(model, device)).encode(image, quality, effort=effort)


def decode(data: bytes, *, device: str = "cpu") -> Image:
    """Return the picture of a .vqz file, decoded with the model that the file names.

    `load` once and `Codec.decode` is faster for many files of one model.

    Args:
        data: the file.
        device: `cpu`, `cuda` or `cuda:N`; the codes are the same on every device.

    Raises:
        InvalidFile: the file is damaged.
        ModelError: its model is not installed.
    """
    from vqzip.families.known import load_model_for
    from vqzip.models.abilities import compressing

    return compressing(load_model_for(data, device)).decode(data)


def open(path: str | PathLike[str], *, device: str = "cpu") -> Image:
    """Return the picture in a .vqz file on disk; see `decode`.

    Raises:
        OSError: the file cannot be read.
        InvalidFile: the file is damaged.
        ModelError: its model is not installed.
    """
    from pathlib import Path

    return decode(Path(path).read_bytes(), device=device)


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
