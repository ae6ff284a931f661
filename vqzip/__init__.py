"""vqzip: a neural image codec.

    >>> import vqzip
    >>> codec = vqzip.load("photo")
    >>> data = codec.encode(image, quality=4)
    >>> image = codec.decode(data)

Importing `vqzip` loads neither torch nor NumPy; `load` and `Codec` do when first used.
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
    from vqzip.codec.codec import Codec

__version__ = "0.1.0"

__all__ = [
    "ChecksumMismatch",
    "Codec",
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
    "load",
]


def load(name_or_path: str = "photo", device: str = "cpu") -> Codec:
    """Load a model and return the codec that encodes and decodes with it.

    Args:
        name_or_path: name of an installed model (`vqzip models` lists them) or a model folder.
        device: `cpu`, `cuda` or `cuda:N`; the codes are the same on every device.

    Raises:
        ModelError: no such model, or it is damaged, or the device is not there.
    """
    from vqzip.codec.codec import load as load_codec

    return load_codec(name_or_path, device)


def __getattr__(name: str) -> object:
    """Import `Codec` when somebody asks for it: it needs torch."""
    if name == "Codec":
        from vqzip.codec.codec import Codec

        return Codec
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
