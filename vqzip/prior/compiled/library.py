"""Finds and loads the library of the compiled walk.

The library is `source/walk.c`, compiled when the package is built. If there is none, because there was no
compiler or the system cannot load it, NumPy runs the walk, and nothing else changes.

`VQZIP_WALK` chooses by hand: `numpy` for the NumPy walk, or the name of a set of instructions
(`avx512`, `avx2`, `sse2`, `neon`, `plain`) that the processor must have.
"""

from __future__ import annotations

import ctypes
import functools
import os
import sys
from ctypes import POINTER, c_char_p, c_int, c_int64, c_void_p
from dataclasses import dataclass
from pathlib import Path

from vqzip.errors import UsageError
from vqzip.prior.compiled import structures as c

SWITCH = "VQZIP_WALK"
"""Environment variable that selects a walk."""

LIBRARY_SWITCH = "VQZIP_WALK_LIBRARY"
"""Environment variable with the path of another library, for the tests with sanitizers."""

NAMES = {
    "avx512": "AVX-512 VNNI",
    "avx2": "AVX2",
    "sse2": "SSE2",
    "neon": "NEON",
    "simd128": "SIMD128",
    "plain": "plain C",
}
"""Values of `VQZIP_WALK`, and their numbers in the library."""

_FILE_NAMES = ("_walk.so", "_walk.dylib", "_walk.dll")


@dataclass(frozen=True)
class Library:
    """A loaded library and the instructions to use.

    Args:
        path: where it lies.
        functions: the library.
        kernels: number of the instructions, 0 for the fastest that the processor has.
        name: of the instructions.
    """

    path: Path
    functions: ctypes.CDLL
    kernels: int
    name: str


@functools.lru_cache(maxsize=1)
def library() -> Library | None:
    """Return the library, or None if NumPy has to run the walk.

    Raises:
        UsageError: `VQZIP_WALK` selects something that is missing.
    """
    return open_library(os.environ.get(SWITCH, ""))


def open_library(wanted: str, path: Path | None = None) -> Library | None:
    """Return the library with the selected instructions.

    Args:
        wanted: a value of `VQZIP_WALK`, "" for the fastest.
        path: of the library, instead of the usual place.

    Returns:
        None if NumPy is wanted, or there is no library.

    Raises:
        UsageError: they are missing.
    """
    if wanted == "numpy":
        return None
    if wanted and wanted not in NAMES:
        raise UsageError(f"{SWITCH} must be numpy, {', '.join(NAMES)} or empty, got '{wanted}'.")
    found = _load(_candidates() if path is None else [path])
    if found is None:
        if wanted:
            raise UsageError(f"{SWITCH} is '{wanted}', but there is no compiled walk here.")
        return None
    path, functions = found
    names = kernel_names(functions)
    if wanted and NAMES[wanted] not in names:
        raise UsageError(f"{SWITCH} is '{wanted}', this processor has: {', '.join(names)}.")
    kernels = names.index(NAMES[wanted]) if wanted else 0
    return Library(path, functions, kernels, names[kernels])


def kernel_names(functions: ctypes.CDLL) -> list[str]:
    """Return the names of the instructions that the processor can run, the fastest first."""
    names: list[str] = []
    while (name := functions.vqz_kernels(len(names))) is not None:
        names.append(name.decode("ascii"))
    return names


def description() -> str:
    """Return which walk runs and why, in one line for `vqzip doctor`.

    Raises:
        UsageError: `VQZIP_WALK` selects something that is missing.
    """
    found = library()
    if found is not None:
        return f"compiled, {found.name} ({found.path})"
    if os.environ.get(SWITCH):
        return f"NumPy, slower: {SWITCH} asks for it"
    if sys.byteorder != "little":
        return "NumPy, slower: the compiled walk is not for big-endian processors"
    there = [path for path in _candidates() if path.exists()]
    if there:
        return f"NumPy, slower: {there[0]} cannot be loaded on this system"
    return "NumPy, slower: no C compiler was there when vqzip was installed"


def _candidates() -> list[Path]:
    """Return the possible paths of the library."""
    if path := os.environ.get(LIBRARY_SWITCH):
        return [Path(path)]
    return [Path(__file__).with_name(name) for name in _FILE_NAMES]


def _load(candidates: list[Path]) -> tuple[Path, ctypes.CDLL] | None:
    """Return the first library that can be loaded and has the same structures."""
    for path in candidates:
        if path.exists() and sys.byteorder == "little":
            try:
                functions = ctypes.CDLL(str(path))
                _declare(functions)
            except (OSError, AttributeError):
                continue
            layouts = functions.vqz_layout(), functions.vqz_pixel_layout()
            if layouts == (c.LAYOUT, c.PIXEL_LAYOUT):
                return path, functions
    return None


def _declare(functions: ctypes.CDLL) -> None:
    """Declare the types of the library's functions."""
    level, job = POINTER(c.Level), POINTER(c.Job)
    pixels = [POINTER(c.PixelModel), POINTER(c.PixelJob)]
    functions.vqz_kernels.argtypes, functions.vqz_kernels.restype = [c_int64], c_char_p
    functions.vqz_layout.argtypes, functions.vqz_layout.restype = [], c_int64
    functions.vqz_pixel_layout.argtypes, functions.vqz_pixel_layout.restype = [], c_int64
    arguments = {
        "vqz_read": [level, job, POINTER(c.Reader), c_int64],
        "vqz_draw": [level, job, POINTER(c.Drawer), c_int64],
        "vqz_record": [level, job, c_int64],
        "vqz_choose_grid": [level, job, POINTER(c.GridChoice), c_int64],
        "vqz_choose_book": [level, job, POINTER(c.BookChoice), c_int64],
        "vqz_write": [level, job, POINTER(c.Writer)],
        "vqz_advance": [level, job, c_void_p, c_int64, c_int64],
        "vqz_read_pixels": [*pixels, POINTER(c.Reader), c_int64],
        "vqz_write_pixels": [*pixels, POINTER(c.Writer), c_int64],
        "vqz_note_pixels": [*pixels, c_void_p, c_int64],
    }
    for name, types in arguments.items():
        function = getattr(functions, name)
        function.argtypes, function.restype = types, c_int
    functions.vqz_finish.argtypes = [POINTER(c.Writer), c_void_p]
    functions.vqz_finish.restype = c_int64
    functions.vqz_free.argtypes, functions.vqz_free.restype = [POINTER(c.Writer)], None
