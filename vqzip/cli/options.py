"""Options that several commands share."""

from __future__ import annotations

from typing import Annotated

import typer

from vqzip.pictures.limits import MAX_PIXELS

DEFAULT_MAX_PIXELS = MAX_PIXELS

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

MaxPixels = Annotated[int, typer.Option(min=1, help="Refuse larger pictures.")]
