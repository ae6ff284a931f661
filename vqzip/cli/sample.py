"""`vqzip sample`: random pictures from the prior of a model."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Annotated

import typer

from vqzip.cli.console import STREAM, check_output, waiting
from vqzip.cli.options import Device, Force
from vqzip.cli.picture_grid import write_grid
from vqzip.errors import UsageError


def sample(
    model: Annotated[str, typer.Option(help="Name of a model or a model folder.")] = "vqvae2",
    count: Annotated[
        int, typer.Option(min=1, max=1024, help="Number of pictures in the grid.")
    ] = 9,
    size: Annotated[
        int | None,
        typer.Option(
            min=1,
            max=4096,
            help="Width and height of a picture in pixels. Default: 256, or the model's.",
        ),
    ] = None,
    seed: Annotated[int, typer.Option(min=0, help="The same seed gives the same pictures.")] = 0,
    temperature: Annotated[
        float,
        typer.Option(help="Below 1: more probable, plainer codes; above 1: more varied ones."),
    ] = 1.0,
    quality: Annotated[
        float | None,
        typer.Option(
            "-q",
            "--quality",
            min=1,
            max=8,
            help="Quality of the pictures. Default: 6.",
            show_default=False,
        ),
    ] = None,
    label: Annotated[
        int | None,
        typer.Option(min=0, help="Class of the pictures, for models with classes."),
    ] = None,
    top_k: Annotated[
        int | None,
        typer.Option(
            min=1, help="Only the so many most probable values, for models that go pixel by pixel."
        ),
    ] = None,
    output: Annotated[
        Path,
        typer.Option("-o", "--output", help="Picture file of the grid; - for a PNG on stdout."),
    ] = Path("samples.png"),
    device: Device = "cpu",
    force: Force = False,
) -> None:
    """Sample pictures from the prior of a model.

    A model with codes samples them one after another, coarse to fine, from the probabilities that
    compression uses (ancestral sampling), then decodes them. The pictures are arranged in a grid.
    """
    if not 0 < temperature < math.inf:
        raise UsageError(f"--temperature must be above zero, got {temperature:g}.")
    check_output(output, source=STREAM, force=force)

    with waiting(f"sampling {count} pictures"):
        from vqzip.families.known import load_model
        from vqzip.models.abilities import Draw, sampling

        draw = Draw(count, seed, temperature, size, quality, label, top_k)
        pictures = sampling(load_model(model, device)).sample(draw)
    size_text = f"{pictures[0].width} x {pictures[0].height}"
    write_grid(pictures, output, f"{count} pictures of {size_text}, seed {seed}", force=force)
