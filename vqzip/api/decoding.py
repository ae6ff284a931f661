"""`vqzip.decode` and `vqzip.decode_many`: .vqz files to Pillow images."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

from vqzip.api.many import in_order
from vqzip.codec.codec import Codec
from vqzip.codec.reduced import check_reduction
from vqzip.container.fields import LARGEST_HEADER_BYTES, check_pixels
from vqzip.container.parse import parse_header
from vqzip.errors import UsageError
from vqzip.families.shared import shared_model, shared_model_for
from vqzip.models.abilities import Compresses, compressing
from vqzip.pictures.limits import MAX_PIXELS
from vqzip.pictures.write import image_from_picture

if TYPE_CHECKING:
    from PIL.Image import Image

Given: TypeAlias = "bytes | str | os.PathLike[str]"
"""The bytes of a .vqz file, or its path."""


@dataclass(frozen=True)
class Settings:
    """How files are decoded; see `vqzip.decode`.

    Raises:
        UsageError: two of them contradict each other, or a reduction is not possible.
    """

    region: tuple[int, int, int, int] | None = None
    levels: int | None = None
    reduction: int = 1
    partial: bool = False
    max_pixels: int = MAX_PIXELS
    model: str | os.PathLike[str] | None = None
    device: str = "cpu"

    def __post_init__(self) -> None:
        check_reduction(self.reduction)
        if self.reduction > 1 and self.region is not None:
            raise UsageError("`reduction` works without `region`; leave one of them out.")


def decode(file: Given, settings: Settings) -> Image:
    """Return the image of a .vqz file; see `vqzip.decode`."""
    if isinstance(file, (bytes, bytearray, memoryview)):
        return _decoded(bytes(file), settings)
    if not isinstance(file, (str, os.PathLike)):
        raise UsageError(
            f"decode takes the bytes of a .vqz file or its path, got {type(file).__name__}."
        )
    path = Path(file)
    if settings.reduction > 1 and not settings.partial:
        thumbnail = _thumbnail(path, settings)
        if thumbnail is not None:
            return thumbnail
    return _decoded(path.read_bytes(), settings)


def decode_many(files: Iterable[Given], settings: Settings) -> Iterator[Image]:
    """Yield the image of each file, in their order; see `vqzip.decode_many`."""
    return in_order(lambda file: decode(file, settings), files)


def _decoded(data: bytes, settings: Settings) -> Image:
    codec = _codec(data, settings)
    if isinstance(codec, Codec) and settings.reduction > 1:
        return image_from_picture(
            codec.decode_reduced(
                data,
                settings.reduction,
                levels=settings.levels,
                partial=settings.partial,
                max_pixels=settings.max_pixels,
            )
        )
    picture = codec.decode_picture(
        data,
        levels=settings.levels,
        partial=settings.partial,
        region=settings.region,
        max_pixels=settings.max_pixels,
    )
    image = image_from_picture(picture)
    return image if settings.reduction == 1 else image.reduce(settings.reduction)


def _thumbnail(path: Path, settings: Settings) -> Image | None:
    """Return the reduced image of a file of which only a part is read; None if its model has no levels."""
    # A buffer would read more than is asked for.
    with path.open("rb", buffering=0) as file:
        codec = _codec(file.read(LARGEST_HEADER_BYTES), settings)
        if not isinstance(codec, Codec):
            return None
        return image_from_picture(
            codec.decode_reduced(
                file, settings.reduction, levels=settings.levels, max_pixels=settings.max_pixels
            )
        )


def _codec(front: bytes, settings: Settings) -> Compresses:
    """Return the model of a file, after a look at the size that its header claims."""
    check_pixels(parse_header(front), settings.max_pixels)
    if settings.model is None:
        return compressing(shared_model_for(front, settings.device))
    return compressing(shared_model(os.fspath(settings.model), settings.device))
