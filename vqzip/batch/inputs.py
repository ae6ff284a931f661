"""The files that a call names: pictures, everything below folders, and what else lies there."""

from __future__ import annotations

import itertools
import os
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from vqzip.errors import UsageError
from vqzip.files import is_unfinished
from vqzip.pictures.find import files_below, is_picture_file

VQZ_SUFFIX = ".vqz"


@dataclass(frozen=True)
class Found:
    """A file to work on or to copy.

    Args:
        path: of the file.
        inside: its place in the tree that mirrors the inputs.
    """

    path: Path
    inside: Path


@dataclass(frozen=True)
class Inputs:
    """The files of a call, in the order of its arguments, each folder sorted.

    Args:
        wanted: files to work on.
        others: other files in the folders.
    """

    wanted: tuple[Found, ...]
    others: tuple[Found, ...] = ()


def is_vqz_file(path: Path) -> bool:
    """Return whether there is a file with the suffix of .vqz files."""
    return path.suffix.lower() == VQZ_SUFFIX and path.is_file()


def find_pictures(named: Sequence[Path], *, recursive: bool, without: Path | None) -> Inputs:
    """Return the pictures to encode; see `find`."""
    return find(named, is_picture_file, "pictures", recursive=recursive, without=without)


def find_vqz_files(named: Sequence[Path], *, recursive: bool, without: Path | None) -> Inputs:
    """Return the files to decode; see `find`."""
    return find(named, is_vqz_file, ".vqz files", recursive=recursive, without=without)


def find(
    named: Sequence[Path],
    is_wanted: Callable[[Path], bool],
    kind: str,
    *,
    recursive: bool,
    without: Path | None,
) -> Inputs:
    """Return the files that a call names.

    A named file is always wanted, also one that does not exist: working on it fails and says why. A file
    that is named twice is returned once. One folder is mirrored by its content, several by their names.

    Args:
        named: files and folders.
        is_wanted: whether a file below a folder is one to work on.
        kind: of the wanted files, for errors.
        recursive: search folders.
        without: a folder that is not searched, because the outputs go there.

    Raises:
        UsageError: a folder is named, and `recursive` is False.
    """
    folders = [path for path in named if path.is_dir()]
    if folders and not recursive:
        raise UsageError(
            f"{folders[0]} is a folder; add --recursive (-r) to work on all {kind} in it."
        )
    prefixes = _prefixes(folders) if len(named) > 1 else {folder: Path() for folder in folders}
    wanted: list[Found] = []
    others: list[Found] = []
    seen: set[str] = set()
    for path in named:
        if path not in prefixes:
            _add(wanted, Found(path, Path(path.name)), seen)
            continue
        for file in files_below(path, without=without):
            found = Found(file, prefixes[path] / file.relative_to(path))
            if is_wanted(file):
                _add(wanted, found, seen)
            elif file.is_file() and not is_unfinished(file):
                _add(others, found, seen)
    return Inputs(tuple(wanted), tuple(others))


def _add(files: list[Found], found: Found, seen: set[str]) -> None:
    real = os.path.realpath(found.path)
    if real not in seen:
        seen.add(real)
        files.append(found)


def _prefixes(folders: Iterable[Path]) -> dict[Path, Path]:
    """Return the name of each folder in the mirrored tree; equal names are numbered."""
    prefixes: dict[Path, Path] = {}
    for folder in dict.fromkeys(folders):
        name = folder.resolve().name or "root"
        numbered = (f"{name}-{number}" for number in itertools.count(2))
        free = (Path(one) for one in itertools.chain([name], numbered))
        prefixes[folder] = next(one for one in free if one not in prefixes.values())
    return prefixes
