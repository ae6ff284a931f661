"""A training run by likelihood: recipe and pictures in, model folder out."""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from pathlib import Path

import numpy as np
import tomli_w
import torch

from vqzip.autoencoders.torch_weights import checked_device
from vqzip.errors import RecipeError, TrainingError
from vqzip.families.family import write_stored
from vqzip.families.loading import tensors_of
from vqzip.files import write_whole
from vqzip.models.folder import CARD, RECIPE
from vqzip.models.plain import to_plain
from vqzip.models.training_facts import TRAINING, TrainingFacts
from vqzip.pictures.sets import PictureSet, read_set
from vqzip.training.likelihood.phase import LikelihoodPhase
from vqzip.training.likelihood.recipe import NETWORKS, LikelihoodRecipe
from vqzip.training.loop import CHECKPOINT, TrainingLoop
from vqzip.training.progress import Progress
from vqzip.training.run_folder import RECIPE_FILE, check_run_folder
from vqzip.training.run_log import METRICS, read_rows
from vqzip.training.versions import write_versions


def run_likelihood(
    recipe: LikelihoodRecipe,
    *,
    data: Path,
    out: Path,
    resume: bool,
    minutes: float | None,
    device: str,
    report: Callable[[Progress], None],
) -> Path:
    """Train by a recipe and write the model.

    Args:
        recipe: of the run; a resumed run must have the same.
        data: folder with a set of pictures, see `read_set`.
        out: run folder.
        resume: continue from the checkpoint in the folder.
        minutes: time limit for training, instead of the recipe's steps.
        device: `auto`, `cpu`, `cuda`, ...
        report: called with the progress.

    Returns:
        The model folder, `out/model`.

    Raises:
        RecipeError: the pictures are not those of the recipe.
        PictureError: there are no pictures, or they have several sizes.
        TrainingError: the folder already holds a run, or the loss is not a number.
        ModelError: the device is missing.
    """
    where = checked_device(device)
    check_run_folder(out, resume=resume)
    pictures = read_set(data)
    _check_size(recipe, pictures)
    text = tomli_w.dumps(to_plain(recipe))
    try:
        out.mkdir(parents=True, exist_ok=True)
        if not resume:
            write_versions(out)
        write_whole(out / RECIPE_FILE, text.encode())
    except OSError as error:
        raise TrainingError(f"the run folder {out} cannot be written: {error}.") from error
    # Initial weights are torch's own, which depend on the global seed.
    with torch.random.fork_rng():
        torch.manual_seed(recipe.seed)
        network = NETWORKS[type(recipe.model)](recipe.model).to(where)
    goes_on = resume and (out / CHECKPOINT).is_file()
    loop = TrainingLoop(recipe, out, minutes=minutes, resume=goes_on, report=report)
    phase = LikelihoodPhase(recipe.training, network, pictures, recipe.seed)
    loop.run(0, phase, total_share=1.0)
    folder = out / "model"
    write_stored(folder, recipe.model, tensors_of(network))
    last = read_rows(out / METRICS)[-1]
    facts = TrainingFacts(last["step"], last["seconds"], len(pictures.pixels))
    write_whole(folder / TRAINING, (json.dumps(to_plain(facts)) + "\n").encode())
    write_whole(folder / RECIPE, text.encode())
    write_whole(folder / CARD, _card(recipe, facts).encode())
    return folder


def _check_size(recipe: LikelihoodRecipe, pictures: PictureSet) -> None:
    model = recipe.model
    expected = (model.height, model.width, model.channels)
    if pictures.pixels.shape[1:] != expected:
        height, width, channels = pictures.pixels.shape[1:]
        raise RecipeError(
            f"the pictures have {height} rows, {width} columns and {channels} channel(s), the model "
            f"{model.height}, {model.width} and {model.channels}; set model.height, model.width and "
            "model.channels."
        )
    if not math.prod(np.shape(pictures.pixels)):
        raise RecipeError("there are no pictures to train on.")


def _card(recipe: LikelihoodRecipe, facts: TrainingFacts) -> str:
    return "\n".join(
        [
            f"# {recipe.model.name}",
            "",
            recipe.description or "A model of vqzip.",
            "",
            f"* Training: {facts.steps} steps in {facts.seconds / 60:.1f} minutes on "
            f"{facts.pictures} pictures; seed {recipe.seed}.",
            "* Everything the run needs is in `recipe.toml`.",
            "",
            "License: not stated",
            "",
        ]
    )
