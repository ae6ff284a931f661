"""`vqzip likelihood`: models of all families and lossless formats on one set of pictures, in bits per dimension."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path
from typing import Annotated

import typer

from vqzip.cli.console import print_result, waiting
from vqzip.cli.options import Device
from vqzip.errors import UsageError


def likelihood(
    data: Annotated[
        Path,
        typer.Argument(
            metavar="DATA",
            help="Folder with the IDX files of MNIST and its like, or with pictures of one size.",
        ),
    ],
    model: Annotated[
        list[str] | None,
        typer.Option(help="Name of a model or a model folder; can be repeated."),
    ] = None,
    split: Annotated[str, typer.Option(help="Of IDX files: train or test.")] = "test",
    limit: Annotated[
        int | None, typer.Option(min=1, help="Only the first so many pictures.")
    ] = None,
    formats: Annotated[
        str, typer.Option(help="Lossless formats, of png, webp and jxl, with commas; or none.")
    ] = "png,webp",
    files: Annotated[
        bool,
        typer.Option(
            "--files",
            help="Also write one file of all pictures with each model that can, and read it back.",
        ),
    ] = False,
    binarize: Annotated[
        bool,
        typer.Option(
            "--binarize", help="Make samples 0 or 1 at random, with the brightness as probability."
        ),
    ] = False,
    seed: Annotated[int, typer.Option(min=0, help="Of bounds and samples.")] = 0,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
    device: Device = "cpu",
) -> None:
    """Compare likelihoods on a set of pictures.

    Prints one table with bits per dimension (and whether they are exact, an upper bound, or the size of files),
    mean squared error of reconstructions on [0, 1], numbers of weights, and times.
    """
    from vqzip.families.known import load_model
    from vqzip.measuring.anchors.lossless import LosslessAnchor
    from vqzip.measuring.likelihood import likelihood_table, measure_likelihood, measure_set_file
    from vqzip.models.abilities import CompressesSets
    from vqzip.models.places import locate
    from vqzip.pictures.sets import SPLITS, read_set

    if split not in SPLITS:
        raise UsageError(f"--split must be {' or '.join(SPLITS)}, got '{split}'.")
    anchors = [LosslessAnchor(name) for name in formats.split(",") if name != "none"]
    pictures = read_set(data, split).first(limit)
    if binarize:
        pictures = pictures.binarized(seed)
    rows = []
    for name in model or []:
        loaded = load_model(name, device)
        with waiting(f"scoring with {name}"):
            rows.append(measure_likelihood(loaded, pictures, locate(name), seed=seed))
        if files and isinstance(loaded, CompressesSets):
            with waiting(f"writing one file with {name}"):
                rows.append(measure_set_file(loaded, pictures))
    for anchor in anchors:
        with waiting(f"writing {anchor.name} files"):
            rows.append(measure_likelihood(anchor, pictures))
    if not rows:
        raise UsageError("there is nothing to measure; give --model or --formats.")
    if as_json:
        print_result(json.dumps([dataclasses.asdict(row) for row in rows], indent=2))
        return
    count, height, width, channels = pictures.pixels.shape
    title = f"{count} pictures of {width} x {height} x {channels}"
    print_result(likelihood_table(rows, title).markdown())
