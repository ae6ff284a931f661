"""Compiles the walk: `python -m vqzip.prior.compiled.compile` puts the library beside this file.

The build of the package does the same. This module imports nothing of vqzip, because the build runs it
before vqzip is installed.
"""

from __future__ import annotations

import os
import shlex
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

SOURCE = Path(__file__).with_name("source") / "walk.c"

FLAGS = (
    "-std=c99",
    "-O3",
    "-shared",
    "-fvisibility=hidden",
    "-ffp-contract=off",  # with fused multiply-add, other codes than NumPy's would be chosen
)

_SUFFIXES = {"darwin": "dylib", "win32": "dll"}
_LONGEST_SECONDS = 1200


def library_name() -> str:
    """Return the file name that `library.py` looks for on this system."""
    return f"_walk.{_SUFFIXES.get(sys.platform, 'so')}"


def find_compiler() -> list[str] | None:
    """Return the command of the C compiler: that of the variable CC, or one of the usual names."""
    if named := shlex.split(os.environ.get("CC", "")):
        return named
    found = filter(None, map(shutil.which, ("cc", "gcc", "clang")))
    return next(([path] for path in found), None)


def compile_walk(library: Path, compiler: Sequence[str], more: Sequence[str] = ()) -> None:
    """Compile the walk.

    Args:
        library: file to write; a process that uses the old file keeps it.
        compiler: command.
        more: flags beside `FLAGS`.

    Raises:
        OSError: there is no such compiler.
        subprocess.SubprocessError: it fails.
    """
    position = () if library.suffix == ".dll" else ("-fPIC",)
    made = library.with_suffix(".new")
    command = [*compiler, *FLAGS, *position, *more, str(SOURCE), "-o", str(made)]
    try:
        subprocess.run(  # noqa: S603
            command, check=True, capture_output=True, timeout=_LONGEST_SECONDS
        )
        made.replace(library)
    finally:
        made.unlink(missing_ok=True)


def compile_if_possible(library: Path) -> bool:
    """Compile the walk with this system's compiler; return whether that worked."""
    compiler = find_compiler()
    if compiler is None:
        return False
    try:
        compile_walk(library, compiler)
    except (OSError, subprocess.SubprocessError):
        return False
    return True


if __name__ == "__main__":
    if not compile_if_possible(Path(__file__).with_name(library_name())):
        sys.exit("there is no C compiler that can compile the walk.")
