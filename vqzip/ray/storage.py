"""Files on disks and in object stores, through pyarrow: whole, or not there."""

from __future__ import annotations

import os
import posixpath
import secrets
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any, BinaryIO

from pyarrow import fs


class Storage:
    """A folder on a disk, or a prefix in an object store.

    Args:
        place: a path, or a URL that pyarrow knows, such as `s3://bucket/folder`.
    """

    def __init__(self, place: str) -> None:
        if "://" not in place:
            place = os.path.abspath(place)  # noqa: PTH100  (workers run elsewhere)
        self._system, self.root = fs.FileSystem.from_uri(place)
        # Elsewhere, a file appears when it is complete.
        self._is_disk = isinstance(self._system, fs.LocalFileSystem)

    def size(self, name: str) -> int | None:
        """Return the bytes of a file, None if there is none."""
        info = self._system.get_file_info(self._path(name))
        return int(info.size) if info.type == fs.FileType.File else None

    def names(self, suffix: str) -> list[str]:
        """Return the files with a suffix below the folder, sorted; the folder itself may be a file."""
        info = self._system.get_file_info(self.root)
        if info.type == fs.FileType.File:
            return [""]
        found = self._system.get_file_info(fs.FileSelector(self.root, recursive=True))
        paths = [one.path for one in found if one.type == fs.FileType.File]
        return sorted(self.relative(path) for path in paths if path.endswith(suffix))

    def relative(self, path: str) -> str:
        """Return the name of a path that this storage, or Ray, has found."""
        inside = posixpath.relpath(path, self.root)
        # What is not below the folder keeps its last name.
        return posixpath.basename(path) if inside.startswith("..") or inside == "." else inside

    @contextmanager
    def reading(self, name: str) -> Iterator[BinaryIO]:
        """Open a file for reading from its begin to its end.

        Raises:
            OSError: it cannot be read.
        """
        stream: Any = self._system.open_input_stream(self._path(name) if name else self.root)
        with stream:
            yield stream

    @contextmanager
    def writing(self, name: str) -> Iterator[BinaryIO]:
        """Open a file for writing; it appears when the body has ended, and not if it fails.

        Raises:
            OSError: it cannot be written.
        """
        path = self._path(name)
        if not self._is_disk:
            with self._system.open_output_stream(path) as stream:
                yield stream
            return
        self._system.create_dir(posixpath.dirname(path), recursive=True)
        temporary = posixpath.join(
            posixpath.dirname(path), f".{posixpath.basename(path)}.{secrets.token_hex(8)}.part"
        )
        try:
            with self._system.open_output_stream(temporary) as stream:
                yield stream
            self._system.move(temporary, path)
        except BaseException:
            with suppress(OSError):
                self._system.delete_file(temporary)
            raise

    def _path(self, name: str) -> str:
        return posixpath.join(self.root, name)
