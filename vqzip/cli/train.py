"""`vqzip train`: a recipe and pictures to a model folder."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from vqzip.cli.console import print_note
from vqzip.cli.options import Device

WEAK = 3
"""Exit status of a run whose model has shortcomings."""


def train(
    recipe: Annotated[
        str, typer.Argument(metavar="RECIPE", help="Name of a recipe or the path of a TOML file.")
    ],
    out: Annotated[
        Path,
        typer.Option(
            metavar="DIR", help="Run folder for checkpoints, the log, and finally `model`."
        ),
    ],
    data: Annotated[
        str | None,
        typer.Option(
            metavar="DATA",
            help="Folder of pictures, searched recursively, or a data set: torchvision:NAME?root=DIR, "
            "webdataset:SHARDS, datasets:NAME, python:MODULE:ATTRIBUTE. For families that are trained by "
            "likelihood: pictures of one size or the IDX files of MNIST and its like.",
        ),
    ] = None,
    valid: Annotated[
        str | None,
        typer.Option(
            metavar="DATA", help="Pictures to fit the qualities on. Default: some of --data."
        ),
    ] = None,
    resume: Annotated[
        bool, typer.Option("--resume", help="Continue from the last checkpoint of the run folder.")
    ] = False,
    start: Annotated[
        Path | None,
        typer.Option(
            metavar="MODEL", help="Start from the weights of this model folder, where they fit."
        ),
    ] = None,
    minutes: Annotated[
        float | None,
        typer.Option(
            min=0.1, help="Stop after this many minutes instead of the recipe's number of steps."
        ),
    ] = None,
    device: Device = "auto",
    workers: Annotated[
        int | None,
        typer.Option(
            min=0,
            max=256,
            help="Processes that cut crops. Default: one for each core with a GPU, none without.",
        ),
    ] = None,
    settings: Annotated[
        list[str] | None,
        typer.Option(
            "--set",
            metavar="KEY=VALUE",
            help="Change a key of the recipe, such as phases.vqvae.batch=4; can be repeated.",
        ),
    ] = None,
    download: Annotated[
        bool, typer.Option("--download", help="Allow a data set to be downloaded.")
    ] = False,
    force: Annotated[
        bool,
        typer.Option(
            "--force",
            help="With --resume, export the model of a finished run again and replace it.",
        ),
    ] = False,
) -> None:
    """Train a model on pictures.

    A recipe lists the phases of training; then the prior is converted to integers. The result is a model for
    `encode --model DIR`. --resume continues an interrupted run. The exit status is 3 if the model has
    shortcomings, which are printed and listed in its CARD.md.
    """
    from vqzip.cli.training_display import TrainingDisplay
    from vqzip.training.run import Surroundings
    from vqzip.training.start import start_run

    try:
        with TrainingDisplay() as display:
            outcome = start_run(
                recipe,
                data=data,
                valid=valid,
                start=start,
                out=out,
                resume=resume,
                force=force,
                minutes=minutes,
                settings=settings or [],
                around=Surroundings(device, workers, download, display.update, print_note),
            )
    except KeyboardInterrupt:
        print_note("stopped; the same command with --resume continues from the last checkpoint")
        raise
    print_note(f"{outcome.model}: the finished model, for --model")
    for sentence in outcome.shortcomings:
        print_note(f"warning: {sentence}")
    if outcome.shortcomings:
        raise typer.Exit(WEAK)
