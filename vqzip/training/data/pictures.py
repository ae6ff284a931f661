"""Where pictures come from: a folder, or a data set that its name selects."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Protocol
from urllib.parse import parse_qsl

import numpy as np
from numpy.typing import NDArray

from vqzip.errors import PictureError, TrainingError
from vqzip.pictures.find import is_picture_file, picture_files
from vqzip.pictures.read import look_at_file, read_picture

MAX_PIXELS = 100_000_000


class Pictures(Protocol):
    """Pictures with numbers from 0."""

    def __len__(self) -> int:
        """Return the number of pictures."""

    def title(self, number: int) -> str:
        """Return the name of a picture, for messages."""

    def look(self, number: int) -> None:
        """Check that a picture can be read, as far as that is quick.

        Raises:
            PictureError: it cannot be read.
        """

    def read(self, number: int) -> NDArray[np.uint8]:
        """Return the pixels of a picture, `(H, W, 3)` or `(H, W)`.

        Raises:
            PictureError: it cannot be read.
        """

    def label(self, number: int) -> str | None:
        """Return the class of a picture, or None if it has none."""


class PictureFiles:
    """Picture files.

    Args:
        paths: of the files.
        root: the folder that was searched. A file in a folder below it has the name of the first such
            folder as its class, as in torchvision's `ImageFolder`.
    """

    def __init__(self, paths: list[Path], root: Path | None = None) -> None:
        self.paths, self._root = paths, root

    def __len__(self) -> int:
        """Return the number of files."""
        return len(self.paths)

    def title(self, number: int) -> str:
        """Return the path."""
        return str(self.paths[number])

    def look(self, number: int) -> None:
        """Open a file without decoding it."""
        look_at_file(self.paths[number], max_pixels=MAX_PIXELS)

    def read(self, number: int) -> NDArray[np.uint8]:
        """Decode a file."""
        return read_picture(self.paths[number], max_pixels=MAX_PIXELS, strict=False).pixels

    def label(self, number: int) -> str | None:
        """Return the name of the file's folder below the root."""
        if self._root is None:
            return None
        parts = self.paths[number].relative_to(self._root).parts
        return parts[0] if len(parts) > 1 else None


def find_pictures(folder: Path, *, but_not: Path | None = None) -> list[Path]:
    """Return all picture files under `folder`, sorted.

    Args:
        folder: searched recursively, links are followed; may also be a single picture file.
        but_not: a folder inside that is skipped (the run's own).

    Raises:
        TrainingError: the folder does not exist, or has no pictures.
    """
    if is_picture_file(folder):
        return [folder]
    if not folder.is_dir():
        raise TrainingError(f"there is no folder {folder}; give one with pictures.")
    found = picture_files(folder)
    if but_not is not None:
        inside = but_not.resolve()
        found = [path for path in found if inside not in path.resolve().parents]
    if not found:
        raise TrainingError(f"no pictures were found under {folder}; give a folder with pictures.")
    return found


def open_pictures(
    source: str | Path, *, but_not: Path | None = None, download: bool = False
) -> Pictures:
    """Return the pictures of a source.

    Args:
        source: a folder, or `KIND:NAME?KEY=VALUE&...` with a kind of `data_sets.KINDS`.
        but_not: a folder inside a folder that is skipped (the run's own).
        download: whether a data set may be downloaded.

    Raises:
        TrainingError: there are no such pictures, or a package is missing.
    """
    from vqzip.training.data.data_sets import KINDS

    kind, separator, rest = str(source).partition(":")
    if separator and kind in KINDS and not Path(source).exists():
        name, _, query = rest.partition("?")
        options = dict(parse_qsl(query, keep_blank_values=True))
        return opened(KINDS[kind], name, options, download=download)
    folder = Path(source)
    return PictureFiles(find_pictures(folder, but_not=but_not), folder if folder.is_dir() else None)


def opened(
    kind: Callable[..., Pictures], name: str, options: dict[str, str], *, download: bool
) -> Pictures:
    """Return a data set with pictures in it.

    Raises:
        TrainingError: it has none.
    """
    pictures = kind(name, options, download=download)
    if not len(pictures):
        raise TrainingError(f"the data set {name} has no pictures; choose another.")
    return pictures


def readable_pixels(pictures: Pictures, number: int) -> NDArray[np.uint8] | None:
    """Return the pixels of a picture, or None if it cannot be read."""
    try:
        return pictures.read(number)
    except PictureError:
        return None
