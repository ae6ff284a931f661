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

    from vqzip.pictures.picture import Picture

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
        return image_from_picture(_decoded(bytes(file), settings))
    if not isinstance(file, (str, os.PathLike)):
        raise UsageError(
            f"decode takes the bytes of a .vqz file or its path, got {type(file).__name__}."
        )
    path = Path(file)
    if settings.reduction > 1 and not settings.partial:
        return image_from_picture(_thumbnail(path, settings))
    return image_from_picture(_decoded(path.read_bytes(), settings))


def decode_many(files: Iterable[Given], settings: Settings) -> Iterator[Image]:
    """Yield the image of each file, in their order; see `vqzip.decode_many`."""
    return in_order(lambda file: decode(file, settings), files)


def _decoded(data: bytes, settings: Settings) -> Picture:
    codec = _codec(data, settings)
    if settings.reduction > 1:
        return _reducing(codec).decode_reduced(
            data,
            settings.reduction,
            levels=settings.levels,
            partial=settings.partial,
            max_pixels=settings.max_pixels,
        )
    return codec.decode_picture(
        data,
        levels=settings.levels,
        partial=settings.partial,
        region=settings.region,
        max_pixels=settings.max_pixels,
    )


def _thumbnail(path: Path, settings: Settings) -> Picture:
    # A buffer would read more than is asked for.
    with path.open("rb", buffering=0) as file:
        codec = _reducing(_codec(file.read(LARGEST_HEADER_BYTES), settings))
        return codec.decode_reduced(
            file, settings.reduction, levels=settings.levels, max_pixels=settings.max_pixels
        )


def _codec(front: bytes, settings: Settings) -> Compresses:
    """Return the model of a file, after a look at the size that its header claims."""
    check_pixels(parse_header(front), settings.max_pixels)
    if settings.model is None:
        return compressing(shared_model_for(front, settings.device))
    return compressing(shared_model(os.fspath(settings.model), settings.device))


def _reducing(codec: Compresses) -> Codec:
    if not isinstance(codec, Codec):
        raise UsageError(f"the model '{codec.name}' cannot reduce pictures; leave `reduction` out.")
    return codec
