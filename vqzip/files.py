"""Atomic writing: a file or folder is complete or does not exist.

Data is written to a temporary name in the same folder and synced to the disk. Then it is renamed in one
step of the file system. An error, a full disk, Ctrl-C or a signal leaves the old file as it was, and no
temporary file. Only a process that is killed leaves its temporary file; `remove_abandoned` removes it.
"""

from __future__ import annotations

import hashlib
import os
import platform
import re
import secrets
import shutil
import stat
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

Check = Callable[[bytes], None]
"""Raises an error if the bytes are not as they should be."""

_DESCRIPTOR = re.compile(r"/dev/(stdin|stdout|stderr)|/(?:dev|proc/self)/fd/(\d{1,6})")
_UNFINISHED = re.compile(r"\.vqzip-([0-9a-f]{8})-(\d{1,10})-[0-9a-f]{16}\.part.*", re.DOTALL)
_NAMED_DESCRIPTORS = {"stdin": 0, "stdout": 1, "stderr": 2}


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
    mode = mode_of(path)
    name = f".vqzip-{_system()}-{os.getpid()}-{secrets.token_hex(8)}.part{path.suffix}"
    temporary = path.with_name(name)
    try:
        yield temporary
        # Sync before the rename: a power cut leaves the old file or the new one.
        with temporary.open("rb+") as file:
            os.fsync(file.fileno())
        if mode is not None:
            # A file that only its owner may read stays so.
            temporary.chmod(mode)
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
        with _created(temporary, mode_of(path)) as file:
            file.write(data)
        if check is not None:
            check(temporary.read_bytes())


def mode_of(path: Path) -> int | None:
    """Return the permissions of the file that has a name, None if there is none."""
    try:
        status = path.stat()
    except OSError:
        return None
    return stat.S_IMODE(status.st_mode) if stat.S_ISREG(status.st_mode) else None


def _created(path: Path, mode: int | None) -> BinaryIO:
    """Open a new file that never has more permissions than the one that it replaces."""
    permissions = 0o666 if mode is None else mode & 0o777
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0)
    return os.fdopen(os.open(path, flags, permissions), "wb")


def is_unfinished(path: Path) -> bool:
    """Return whether a path has the name of a temporary file."""
    return _UNFINISHED.fullmatch(path.name) is not None


def remove_abandoned(folder: Path) -> None:
    """Remove the temporary files in a folder whose process was killed.

    Files of running processes and of other computers stay.
    """
    for path in folder.glob(".vqzip-*"):
        match = _UNFINISHED.fullmatch(path.name)
        if match is not None and match[1] == _system() and not _is_running(int(match[2])):
            path.unlink(missing_ok=True)


def _system() -> str:
    """Return what identifies this computer, and the processes that see each other, in 8 digits."""
    namespace = Path("/proc/self/ns/pid")
    processes = str(namespace.readlink()) if namespace.is_symlink() else ""
    return hashlib.sha256(f"{platform.node()} {processes}".encode()).hexdigest()[:8]


def _is_running(process: int) -> bool:
    if os.name != "posix":
        # There, asking with a signal would end it; and files in use cannot be removed.
        return True
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except (OSError, OverflowError):
        return True
    return True


def is_special(path: Path) -> bool:
    """Return whether a path names something that is no regular file: a pipe, a device, a descriptor."""
    if descriptor_of(path) is not None:
        return True
    try:
        status = path.stat()
    except OSError:
        return False
    return not stat.S_ISREG(status.st_mode) and not stat.S_ISDIR(status.st_mode)


def descriptor_of(path: Path) -> int | None:
    """Return the descriptor of this process that a path such as `/dev/stdout` names, else None."""
    match = _DESCRIPTOR.fullmatch(str(path))
    if match is None:
        return None
    return _NAMED_DESCRIPTORS[match[1]] if match[1] else int(match[2])


def write_special(path: Path, data: bytes) -> None:
    """Write to what is no regular file, as it is named and where it stands.

    Raises:
        OSError: it cannot be written.
    """
    descriptor = descriptor_of(path)
    if descriptor is None:
        path.write_bytes(data)
        return
    # Opening it again would start at its beginning, and may be forbidden.
    with os.fdopen(os.dup(descriptor), "wb") as file:
        file.write(data)


def shown_name(path: object) -> str:
    """Return a path as any terminal and any file of text can hold it.

    Bytes that are not UTF-8 and characters that move the cursor become `\\x..`.
    """
    text = os.fspath(path) if isinstance(path, os.PathLike) else str(path)
    text = text.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")
    return "".join(
        letter if letter.isprintable() else letter.encode("unicode_escape").decode("ascii")
        for letter in text
    )


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
