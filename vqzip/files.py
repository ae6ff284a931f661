"""Atomic writing: a file or folder is complete or does not exist.

Data is written to a temporary name in the same folder and synced to the disk. Then it is renamed in one
step of the file system. An error, a full disk, Ctrl-C or a signal leaves the old file as it was, and no
temporary file.
"""

from __future__ import annotations

import os
import secrets
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

Check = Callable[[bytes], None]
"""Raises an error if the bytes are not as they should be."""


@contextmanager
def whole_file(path: Path, *, replace: bool = True) -> Iterator[Path]:
    """Yield a temporary path with the suffix of `path`; what the body writes there becomes `path`.

    Args:
        path: of the file; a symbolic link itself would be replaced.
        replace: whether an existing file may be replaced, or one that appears meanwhile.

    Raises:
        FileExistsError: something has this name, and it may not be replaced.
        OSError: the file cannot be written.
    """
    # Not tempfile: only the owner can read its files, and that would stay so.
    temporary = path.with_name(f".vqzip-{secrets.token_hex(8)}.part{path.suffix}")
    try:
        yield temporary
        # Sync before the rename: a power cut leaves the old file or the new one.
        with temporary.open("rb+") as file:
            os.fsync(file.fileno())
        if replace or not _give_second_name(temporary, path):
            temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


def write_whole(
    path: Path, data: bytes, *, replace: bool = True, check: Check | None = None
) -> None:
    """Write bytes to a file; see `whole_file`.

    Args:
        path: of the file.
        data: what to write.
        replace: whether a file may be replaced.
        check: called with the written bytes, read back, before the rename; may raise.
    """
    with whole_file(path, replace=replace) as temporary:
        with temporary.open("xb") as file:
            file.write(data)
        if check is not None:
            check(temporary.read_bytes())


@contextmanager
def whole_folder(path: Path) -> Iterator[Path]:
    """Yield the path of a folder to create and fill; then it replaces `path`.

    Raises:
        OSError: the folder cannot be moved.
    """
    temporary = path.with_suffix(".partial")
    # Left behind by a killed run.
    shutil.rmtree(temporary, ignore_errors=True)
    try:
        yield temporary
        shutil.rmtree(path, ignore_errors=True)
        temporary.rename(path)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def _give_second_name(temporary: Path, path: Path) -> bool:
    """Give the file the name `path` if it is free; False if the system has no hard links.

    Checking first would let two processes overwrite each other's file.
    """
    try:
        os.link(temporary, path)
    except FileExistsError:
        raise
    except OSError:
        if os.path.lexists(path):
            raise FileExistsError(path) from None
        return False
    return True
