"""Tokens of many pictures in safetensors files."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from safetensors.numpy import save

from vqzip.codec.codec import Codec
from vqzip.codec.tokens import Tokens
from vqzip.errors import PictureError, TrainingError
from vqzip.files import write_whole
from vqzip.training.data.pictures import Pictures


def write_tokens(
    codec: Codec,
    pictures: Pictures,
    output: Path,
    *,
    quality: float,
    size: int | None,
    batch: int,
    shard: int | None,
    force: bool,
) -> list[tuple[Path, int]]:
    """Write the tokens of all pictures that can be read.

    Args:
        codec: of the model.
        pictures: to read.
        output: file; shards get a number before its suffix.
        quality: of the tokens.
        size: side of the center that is taken; None takes whole pictures, which must have one size.
        batch: pictures at once.
        shard: pictures in a file; None writes one file.
        force: replace files.

    Returns:
        The files and their numbers of pictures.

    Raises:
        TrainingError: a file exists, or no picture can be read.
        PictureError: pictures have several sizes.
    """
    written: list[tuple[Path, int]] = []
    group: list[tuple[Tokens, list[str | None]]] = []

    def flush() -> None:
        path = output
        if shard is not None:
            path = output.with_name(f"{output.stem}-{len(written):05}{output.suffix}")
        if path.exists() and not force:
            raise TrainingError(f"{path} already exists; choose another name, or use `force`.")
        write_whole(path, _file(codec, group))
        written.append((path, sum(len(tokens) for tokens, _ in group)))
        group.clear()

    per_file = shard or len(pictures)
    for pixels, labels in _batches(pictures, size, min(batch, per_file)):
        group.append((codec.tokenize(pixels, quality), labels))
        if sum(len(tokens) for tokens, _ in group) >= per_file:
            flush()
    if group:
        flush()
    if not written:
        raise TrainingError("none of the pictures can be read; choose others.")
    return written


def _batches(
    pictures: Pictures, size: int | None, count: int
) -> Iterator[tuple[NDArray[np.uint8], list[str | None]]]:
    """Return batches `(N, H, W, 3)` of the pictures that can be read, and their classes."""
    batch: list[NDArray[np.uint8]] = []
    labels: list[str | None] = []
    for number in range(len(pictures)):
        try:
            pixels = pictures.read(number)
        except PictureError:
            continue
        pixels = np.repeat(pixels[:, :, None], 3, 2) if pixels.ndim == 2 else pixels
        if size is not None:
            pixels = _center(pixels, size, pictures.title(number))
        if batch and pixels.shape != batch[0].shape:
            raise PictureError(
                f"{pictures.title(number)} has another size than the pictures before it; give `size`."
            )
        batch.append(pixels)
        labels.append(pictures.label(number))
        if len(batch) == count:
            yield np.stack(batch), labels
            batch, labels = [], []
    if batch:
        yield np.stack(batch), labels


def _center(pixels: NDArray[np.uint8], size: int, title: str) -> NDArray[np.uint8]:
    top, left = ((side - size) // 2 for side in pixels.shape[:2])
    if top < 0 or left < 0:
        raise PictureError(f"{title} is smaller than {size} pixels; give a smaller `size`.")
    return pixels[top : top + size, left : left + size]


def _file(codec: Codec, group: list[tuple[Tokens, list[str | None]]]) -> bytes:
    """Return the content of a file."""
    first = group[0][0]
    tensors: dict[str, NDArray[np.generic]] = {}
    for level in range(len(first.levels)):
        tensors[f"level{level}"] = np.concatenate([tokens.levels[level] for tokens, _ in group])
    for level, book in enumerate(codec.codebooks):
        if book.size:
            tensors[f"codebook{level}"] = np.ascontiguousarray(book)
    names = [label for _, labels in group for label in labels]
    known = sorted({name for name in names if name is not None})
    if known:
        numbers = [-1 if name is None else known.index(name) for name in names]
        tensors["labels"] = np.array(numbers, np.int64)
    metadata = {
        "model": codec.model.id.hex(),
        "height": str(first.height),
        "width": str(first.width),
        "quality": f"{first.quality:g}",
        "vocabulary": json.dumps(codec.vocabulary),
        "classes": json.dumps(known),
    }
    return save(tensors, metadata)
