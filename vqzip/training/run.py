"""A whole training run: recipe and pictures in, model folder out."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from vqzip.autoencoders.torch_weights import checked_device
from vqzip.errors import RecipeError, UsageError
from vqzip.models.places import locate
from vqzip.training.calibrate import validation_pictures
from vqzip.training.export import export
from vqzip.training.image_sources import CropSource, find_pictures
from vqzip.training.loop import CHECKPOINT, Progress, TrainingLoop
from vqzip.training.networks import make_networks, start_from
from vqzip.training.phases.known import make_phase
from vqzip.training.phases.phase import Setup
from vqzip.training.recipe.config import Recipe
from vqzip.training.recipe.phases import PhaseConfig
from vqzip.training.recipe.read import load_recipe
from vqzip.training.run_folder import (
    RECIPE_FILE,
    check_run_folder,
    list_unreadable,
    open_run_folder,
)

VALIDATION_PICTURES = 12


def run(
    recipe: str,
    *,
    data: Path,
    out: Path,
    resume: bool = False,
    minutes: float | None = None,
    device: str = "auto",
    settings: Sequence[str] = (),
    valid: Path | None = None,
    start: Path | None = None,
    report: Callable[[Progress], None] = lambda _: None,
    note: Callable[[str], None] = lambda _: None,
) -> Path:
    """Train by a recipe and export a model.

    Args:
        recipe: name or path; a resumed run reads the one in its folder.
        data: folder of training pictures.
        out: run folder.
        resume: continue from the checkpoint in the folder.
        minutes: time limit for training, instead of the recipe's steps; a resumed run keeps its limit.
        device: `auto`, `cpu`, `cuda`, ...
        settings: `key=value` changes of the recipe; a resumed run keeps them.
        valid: pictures to fit the qualities on; default: some of `data`.
        start: name or folder of a model; the run starts from those of its weights that fit, and skips a
            prior phase that only prepares for a joint phase.
        report: called with the progress.
        note: called with messages for the user.

    Returns:
        The model folder, `out/model`.

    Raises:
        RecipeError: the recipe is wrong.
        TrainingError: no pictures, the folder already holds a run, or the loss is not a number.
        ModelError: the device is missing.
        UsageError: `minutes` is not positive.
    """
    if minutes is not None and not minutes > 0:
        raise UsageError(f"minutes must be above 0, got {minutes:g}.")
    where = checked_device(device)
    check_run_folder(out, resume=resume)
    chosen = load_recipe(str(out / RECIPE_FILE) if resume else recipe, list(settings))
    paths = find_pictures(data, but_not=out)
    candidates = find_pictures(valid, but_not=out) if valid is not None else paths
    # Now, not after hours of training: there may be no usable picture.
    validation = validation_pictures(candidates, chosen.vqvae.align, VALIDATION_PICTURES)
    start = None if start is None else locate(str(start))
    minutes, start = open_run_folder(out, chosen, minutes, start, resume=resume)
    source = CropSource(paths, chosen.data, chosen.seed)
    source.look()
    vqvae, prior = make_networks(chosen)
    # A run that was killed before its first checkpoint starts again.
    goes_on = resume and (out / CHECKPOINT).is_file()
    if start is not None and not goes_on:
        start_from(start, vqvae, prior)
    vqvae.to(where)
    prior.to(where)
    loop = TrainingLoop(chosen, out, minutes=minutes, resume=goes_on, report=report)
    setup = Setup(chosen, vqvae, prior, source, where)
    phases = needed_phases(chosen, prepared=start is not None)
    shares = sum(phase.time_share for phase in phases)
    for number, phase in enumerate(phases):
        if number >= loop.place.phase:
            loop.run(number, make_phase(phase, setup), total_share=shares)
    list_unreadable(out, source, note)
    report(Progress("export", 0.0, 0, 0.0, 0.0, {}))
    readable = len(paths) - len(source.refused)
    folder = export(chosen, vqvae.cpu(), prior.cpu(), out, validation, readable)
    report(Progress("export", 1.0, 1, 0.0, 0.0, {}))
    return folder


def needed_phases(recipe: Recipe, *, prepared: bool) -> list[PhaseConfig]:
    """Return the phases of a run.

    Args:
        recipe: of the run.
        prepared: whether the networks come from a model. Its prior is trained already, so a phase that
            trains it alone is left out if later phases follow.

    Raises:
        RecipeError: codebooks would stay random.
    """
    phases = list(recipe.phases)
    kinds = {phase.kind for phase in phases}
    learned = any(level.quantizer.learned for level in recipe.vqvae.levels)
    if learned and not prepared and "vqvae" not in kinds:
        raise RecipeError(
            f"recipe '{recipe.name}' has codebooks to learn: add a phase of kind 'vqvae', or start "
            "from a model with `start`."
        )
    if prepared and {"decoder", "joint"} & kinds:
        return [phase for phase in phases if phase.kind != "prior"]
    return phases
