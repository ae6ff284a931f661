"""Options that several commands share, written once."""

from __future__ import annotations

from typing import Annotated

import typer

from vqzip.pictures.limits import MAX_PIXELS

DEFAULT_MAX_PIXELS = MAX_PIXELS

Device = Annotated[
    str,
    typer.Option(help="cpu, cuda, cuda:N, or auto: the GPU if there is one. Codes are the same."),
]

Force = Annotated[bool, typer.Option("--force", help="Replace an output that is there already.")]

MaxPixels = Annotated[int, typer.Option(min=1, help="Refuse pictures with more pixels than this.")]
