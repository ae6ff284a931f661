"""Files and folders that are whole or not there, whatever stops the writing.

What is written gets a temporary name in the folder where it will stay, goes to the disk, and only then
takes its own name, in one step of the file system. An error, a full disk, Ctrl-C or a signal that ends
the process leaves what was there before, and no temporary file.
"""

from __future__ import annotations

import os
import secrets
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

Check = Callable[[bytes], None]
"""Raises where bytes are not what they should be."""


@contextmanager
def whole_file(path: Path, *, replace: bool = True) -> Iterator[Path]:
    """Yield a temporary path with the suffix of `path`; what the body writes there becomes `path`.

    Args:
        path: of the file; a link would be replaced itself.
        replace: whether a file may be replaced that is there, or appears meanwhile.

    Raises:
        FileExistsError: something has the name, and it may not be replaced.
        OSError: the file cannot be written.
    """
    # Not tempfile: its files are readable by their owner alone and would stay so.
    temporary = path.with_name(f".vqzip-{secrets.token_hex(8)}.part{path.suffix}")
    try:
        yield temporary
        # On the disk before it gets its name: a power cut leaves the old file or the new one.
        with temporary.open("rb+") as file:
            os.fsync(file.fileno())
        if replace or not _give_second_name(temporary, path):
            temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


def write_whole(
    path: Path, data: bytes, *, replace: bool = True, check: Check | None = None
) -> None:
    """Write a file of some bytes; see `whole_file`.

    Args:
        path: of the file.
        data: what to write.
        replace: whether a file may be replaced.
        check: is given what was written, read back, before it takes its name; may raise.
    """
    with whole_file(path, replace=replace) as temporary:
        with temporary.open("xb") as file:
            file.write(data)
        if check is not None:
            check(temporary.read_bytes())


@contextmanager
def whole_folder(path: Path) -> Iterator[Path]:
    """Yield the path of a folder to be made and filled; it becomes `path`, in place of what was there.

    Raises:
        OSError: the folder cannot be moved.
    """
    temporary = path.with_suffix(".partial")
    # Of a run that was killed.
    shutil.rmtree(temporary, ignore_errors=True)
    try:
        yield temporary
        shutil.rmtree(path, ignore_errors=True)
        temporary.rename(path)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def _give_second_name(temporary: Path, path: Path) -> bool:
    """Name the file `path`, unless something has that name; False where there are no hard links.

    Looking first would let two processes replace each other's file.
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
