"""`vqzip traverse`: what the latents of a model mean, one at a time, or on the way between two pictures."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from vqzip.cli.console import STREAM, check_output, waiting
from vqzip.cli.options import Device, Force
from vqzip.cli.picture_grid import write_grid
from vqzip.errors import UsageError

SPAN = 2.5
"""Latents go from minus to plus this, in deviations of the prior."""

LOOKED_AT = 1000
"""Pictures that decide which latents hold most."""


def traverse(
    data: Annotated[
        Path,
        typer.Argument(
            metavar="DATA",
            help="Folder with the IDX files of MNIST and its like, or with pictures of one size.",
        ),
    ],
    model: Annotated[str, typer.Option(help="Name of a model with latents, or a model folder.")],
    picture: Annotated[
        int, typer.Option(min=0, help="Number of the picture, of the test set.")
    ] = 0,
    to: Annotated[
        int | None, typer.Option(min=0, help="Draw the way to this picture instead.")
    ] = None,
    rows: Annotated[
        int, typer.Option(min=1, max=64, help="Latents to draw, the ones that hold most first.")
    ] = 8,
    columns: Annotated[int, typer.Option(min=2, max=64, help="Pictures in a row.")] = 9,
    output: Annotated[
        Path,
        typer.Option("-o", "--output", help="Picture file of the grid; - for a PNG on stdout."),
    ] = Path("traversal.png"),
    device: Device = "cpu",
    force: Force = False,
) -> None:
    """Draw what the latents of a model mean.

    Each row changes one latent of a picture and keeps the others. With --to, one row goes from the latents of a
    picture to those of another.
    """
    check_output(output, source=STREAM, force=force)
    import numpy as np

    from vqzip.families.known import load_model
    from vqzip.measuring.analysis.latents import interpolation, traversal
    from vqzip.models.abilities import with_latents
    from vqzip.pictures.picture import Picture
    from vqzip.pictures.sets import read_set

    pixels = read_set(data, "test").pixels
    for number in (picture, to or 0):
        if number >= len(pixels):
            raise UsageError(f"pictures are numbered 0 to {len(pixels) - 1}, got {number}.")
    with waiting("drawing"):
        loaded = with_latents(load_model(model, device))
        if to is not None:
            drawn = interpolation(loaded, pixels[[picture, to]], columns)
            note = f"{columns} pictures between {picture} and {to}"
        else:
            held = loaded.informative(pixels[:LOOKED_AT])
            chosen = np.argsort(-held)[:rows]
            values = np.linspace(-SPAN, SPAN, columns, dtype=np.float32)
            drawn = traversal(loaded, pixels[picture : picture + 1], chosen, values)
            nats = ", ".join(f"{number}: {held[number]:.2f}" for number in chosen)
            note = f"latents and the nats that each holds: {nats}"
    gray = drawn.shape[3] == 1
    pictures = [Picture(one[:, :, 0] if gray else one) for one in drawn]
    write_grid(pictures, output, note, force=force, columns=columns)
