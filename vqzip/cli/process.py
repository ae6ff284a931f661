"""What a process of vqzip's own sets up before anything else; a library must not do any of it."""

from __future__ import annotations

import os
import sys
import warnings
from io import TextIOWrapper

from vqzip.pictures import limits

_LAST_STREAM = 2


def prepare_process() -> None:
    """Give the process the streams it lacks, and output that can print every name.

    A descriptor that the caller closed would be given to the first file that is opened, and messages
    would be written into it.
    """
    _open_missing_descriptors()
    sys.stdin = sys.stdin or _null_stream(0, "rb")
    sys.stdout = sys.stdout or _null_stream(1, "wb")
    sys.stderr = sys.stderr or _null_stream(2, "wb")
    for stream in (sys.stdout, sys.stderr):
        reconfigure = getattr(stream, "reconfigure", None)
        if reconfigure is not None:
            # Names of files may hold characters that the terminal's encoding has not.
            reconfigure(errors="backslashreplace")
    if not sys.warnoptions:
        # Of Pillow's, about odd files: what matters of them is printed as one line.
        warnings.simplefilter("ignore")
    limits.own_process = True


def _open_missing_descriptors() -> None:
    # The lowest free descriptor is given, so this fills all gaps below the first that is not needed.
    opened = os.open(os.devnull, os.O_RDWR)
    while opened <= _LAST_STREAM:
        opened = os.open(os.devnull, os.O_RDWR)
    os.close(opened)


def _null_stream(number: int, mode: str) -> TextIOWrapper:
    binary = os.fdopen(number, mode, closefd=False)
    return TextIOWrapper(binary, encoding="utf-8", errors="backslashreplace")
