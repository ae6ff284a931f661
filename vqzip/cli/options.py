"""Options that several commands share."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Annotated

import typer

from vqzip.pictures.limits import MAX_PIXELS

DEFAULT_MAX_PIXELS = MAX_PIXELS

MANY = "Several files and folders"
"""Panel of the help."""

_UNITS = {"": 1, "k": 10**3, "m": 10**6, "g": 10**9, "ki": 2**10, "mi": 2**20, "gi": 2**30}
_NUMBER = re.compile(r"(\d+|\d*\.\d+) ?([kmg]?i?)b?", re.IGNORECASE)


def parse_count(text: str | int) -> int:
    """Return a number of bytes or pixels, such as `5000`, `30k`, `1.5M` or `64KiB`."""
    match = _NUMBER.fullmatch(str(text).strip())
    unit = match[2].lower() if match else "none"
    number = int(float(match[1]) * _UNITS[unit]) if match and unit in _UNITS else 0
    if number < 1:
        raise typer.BadParameter(f"{text!r} is not a number such as 5000, 30k or 1.5M.")
    return number


Device = Annotated[
    str,
    typer.Option(
        help="cpu, cuda, cuda:N, or auto (the GPU if there is one). Codes do not depend on it."
    ),
]

Force = Annotated[bool, typer.Option("--force", help="Overwrite existing files.")]

KeepTimes = Annotated[
    bool,
    typer.Option(
        "--keep-times", help="Give the output the times of access and change of the input."
    ),
]

MaxPixels = Annotated[
    int, typer.Option(parser=parse_count, metavar="N", help="Refuse larger pictures.")
]

Pictures = Annotated[
    list[Path],
    typer.Argument(
        metavar="IN", help="Pictures in any format that Pillow reads, or folders; - for stdin."
    ),
]

VqzFiles = Annotated[
    list[Path], typer.Argument(metavar="IN", help=".vqz files, or folders; - for stdin.")
]

Recursive = Annotated[
    bool,
    typer.Option(
        "-r",
        "--recursive",
        help="Work on all files in folders, and mirror the folders in the output.",
        rich_help_panel=MANY,
    ),
]

Jobs = Annotated[
    int | None,
    typer.Option(
        "-j",
        "--jobs",
        min=1,
        help="Number of files that are worked on at once. Default: the number of cores.",
        show_default=False,
        rich_help_panel=MANY,
    ),
]

Threads = Annotated[
    int | None,
    typer.Option(
        min=1,
        help="Number of threads for each file. Default: all cores for one file, a share of them for many.",
        show_default=False,
    ),
]

SkipExisting = Annotated[
    bool,
    typer.Option(
        "--skip-existing",
        help="Leave out files whose output exists, to continue an interrupted call.",
        rich_help_panel=MANY,
    ),
]

CopyOthers = Annotated[
    bool,
    typer.Option(
        "--copy-others",
        help="Copy all other files of the folders to the output folder.",
        rich_help_panel=MANY,
    ),
]

FailFast = Annotated[
    bool,
    typer.Option(
        "--fail-fast",
        help="Stop at the first file that fails, instead of naming it at the end.",
        rich_help_panel=MANY,
    ),
]

DryRun = Annotated[
    bool,
    typer.Option(
        "--dry-run",
        help="Only show which files would be written.",
        rich_help_panel=MANY,
    ),
]

AsJson = Annotated[
    bool, typer.Option("--json", help="Print a line of JSON for each file on stdout.")
]

Quiet = Annotated[bool, typer.Option("--quiet", help="Print errors only.")]
