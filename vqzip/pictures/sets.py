"""Sets of pictures of one size, with or without classes: IDX files as those of MNIST, or folders of pictures."""

from __future__ import annotations

import gzip
import math
import zlib
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from vqzip.errors import PictureError
from vqzip.pictures.find import picture_files
from vqzip.pictures.limits import MAX_PIXELS

SPLITS = {"train": "train", "test": "t10k"}
"""Splits of a folder with IDX files, and how the names of their files begin."""

_UNSIGNED_BYTES = 8
LARGEST_SET_BYTES = 1 << 30
"""Sets that are larger in memory are refused."""


@dataclass(frozen=True, eq=False)
class PictureSet:
    """Pictures of one size.

    Args:
        pixels: `(N, H, W, C)` uint8; C is 1 for gray, 3 for RGB.
        labels: `(N,)` int64, the class of each picture; None if classes are not known.
    """

    pixels: NDArray[np.uint8]
    labels: NDArray[np.int64] | None = None

    def binarized(self, seed: int) -> PictureSet:
        """Return pictures of samples 0 and 1, at random with the brightness as probability."""
        drawn = 255 * np.random.default_rng(seed).random(self.pixels.shape, np.float32)
        return PictureSet((drawn < self.pixels).astype(np.uint8), self.labels)

    def first(self, count: int | None) -> PictureSet:
        """Return the first pictures; all of them for None."""
        return PictureSet(self.pixels[:count], None if self.labels is None else self.labels[:count])


def read_set(folder: Path, split: str = "train") -> PictureSet:
    """Read a set of pictures.

    Args:
        folder: with IDX files (`train-images-idx3-ubyte`, `t10k-...`, also with `.gz`), or with pictures; then a
            folder in it is a class if there are several, and there is only one split.
        split: `train` or `test`, of IDX files.

    Raises:
        PictureError: there are no pictures, they have several sizes, or a file is damaged.
    """
    images = _idx_file(folder, f"{SPLITS[split]}-images-idx3-ubyte")
    if images is None:
        return _read_folder(folder)
    pixels = read_idx(images)
    labels = _idx_file(folder, f"{SPLITS[split]}-labels-idx1-ubyte")
    if pixels.ndim != 3:
        raise PictureError(f"{images} does not contain pictures; give the file of the images.")
    classes = None if labels is None else read_idx(labels).astype(np.int64)
    if classes is not None and classes.shape != pixels.shape[:1]:
        raise PictureError(f"{labels} does not have a class for each picture; download it again.")
    return PictureSet(pixels[..., None], classes)


def read_idx(path: Path) -> NDArray[np.uint8]:
    """Return the array in an IDX file of bytes, packed by gzip or not.

    Raises:
        PictureError: it is damaged, of another type, or too large.
    """
    try:
        with gzip.open(path) if path.suffix == ".gz" else path.open("rb") as file:
            front = file.read(4)
            dimensions = front[3] if len(front) == 4 else 0
            sides = np.frombuffer(file.read(4 * dimensions), ">u4").tolist()
            count = math.prod(sides)
            known = front[:3] == bytes((0, 0, _UNSIGNED_BYTES)) and len(sides) == dimensions > 0
            if not known or count > LARGEST_SET_BYTES:
                raise PictureError(f"{path} is not an IDX file of bytes; download it again.")
            data = file.read(count + 1)
    except (OSError, EOFError, zlib.error, ValueError) as error:
        raise PictureError(f"{path} cannot be read ({error}); download it again.") from error
    if len(data) != count:
        raise PictureError(f"{path} has the wrong length; download it again.")
    return np.frombuffer(data, np.uint8).reshape(sides)


def _idx_file(folder: Path, name: str) -> Path | None:
    candidates = (folder / name, folder / f"{name}.gz")
    return next((path for path in candidates if path.is_file()), None)


def _read_folder(folder: Path) -> PictureSet:
    from vqzip.pictures.read import read_file

    paths = picture_files(folder)
    if not paths:
        raise PictureError(f"there are no pictures in {folder}; check the path.")
    arrays = [read_file(path, max_pixels=MAX_PIXELS).picture.pixels for path in paths]
    shapes = {array.shape for array in arrays}
    if len(shapes) > 1 or len(arrays) * arrays[0].size > LARGEST_SET_BYTES:
        raise PictureError(
            f"the pictures in {folder} must have one size; scale or crop them first."
        )
    pixels = np.stack(arrays)
    names = [path.relative_to(folder).parts[0] for path in paths]
    classes = sorted(set(names))
    in_folders = all(path.parent != folder for path in paths) and len(classes) > 1
    labels = np.array([classes.index(name) for name in names], np.int64) if in_folders else None
    return PictureSet(pixels if pixels.ndim == 4 else pixels[..., None], labels)
