"""`vqzip tokens`: pictures to tokens in safetensors files, for other models."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from vqzip.cli.console import print_note
from vqzip.cli.options import Force


def tokens(
    data: Annotated[
        str,
        typer.Argument(
            metavar="DATA", help="Folder of pictures, or a data set, as for `vqzip train`."
        ),
    ],
    output: Annotated[
        Path,
        typer.Option("-o", "--output", help="File to write; with --shard, the first of several."),
    ],
    model: Annotated[str, typer.Option(help="Name of a model or a model folder.")] = "vqvae2",
    quality: Annotated[
        float, typer.Option("-q", "--quality", min=1, max=8, help="For models with qualities.")
    ] = 4.0,
    size: Annotated[
        int | None,
        typer.Option(
            min=1, help="Crop the centers of pictures to this side. Default: all have one size."
        ),
    ] = None,
    batch: Annotated[int, typer.Option(min=1, help="Pictures at once.")] = 64,
    shard: Annotated[
        int | None, typer.Option(min=1, help="Pictures in a file. Default: all in one.")
    ] = None,
    download: Annotated[
        bool, typer.Option("--download", help="Allow a data set to be downloaded.")
    ] = False,
    force: Force = False,
) -> None:
    """Write the tokens of pictures: the nearest codes, by which other models can be trained.

    A file has `level0`, `level1`, ... of the shape (pictures, tokens at a position, rows, columns), and
    `codebook0`, ...; with classes also `labels`, whose names are in the file's metadata.
    """
    from vqzip.codec.codec import load
    from vqzip.training.data.pictures import open_pictures
    from vqzip.training.data.token_files import write_tokens

    pictures = open_pictures(data, download=download)
    written = write_tokens(
        load(model),
        pictures,
        output,
        quality=quality,
        size=size,
        batch=batch,
        shard=shard,
        force=force,
    )
    for path, count in written:
        print_note(f"{path}: tokens of {count} pictures")
