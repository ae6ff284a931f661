"""A whole training run: recipe and pictures in, model folder out."""

from __future__ import annotations

import dataclasses
import json
import shutil
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import torch

from vqzip import model_folder
from vqzip.codec import Codec
from vqzip.configs import ModelConfig
from vqzip.errors import TrainingError, UsageError
from vqzip.nets.pixelcnn import PixelCnn
from vqzip.nets.residual import initialise
from vqzip.nets.vqvae import Vqvae
from vqzip.pictures.picture import Picture
from vqzip.training.calibrate import (
    curve_rows,
    fit_quality,
    measure,
    set_centroids,
    validation_pictures,
)
from vqzip.training.export_prior import export_prior
from vqzip.training.image_sources import CropSource, find_pictures
from vqzip.training.loop import CHECKPOINT, Progress, TrainingLoop, write_versions
from vqzip.training.model_card import model_card
from vqzip.training.phases import Phase, PriorPhase, VqvaePhase
from vqzip.training.recipe import Recipe, load_recipe, recipe_to_toml

RECIPE_FILE, ARGUMENTS_FILE, UNREADABLE = "recipe.toml", "arguments.json", "unreadable.txt"
MODEL = Path("model")
VALIDATION_PICTURES = 12
FITS = 2
"""The first fit of the qualities reaches beyond what it measured; the second lies between."""


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
    report: Callable[[Progress], None] = lambda _: None,
    note: Callable[[str], None] = lambda _: None,
) -> Path:
    """Train by a recipe and export a model.

    Args:
        recipe: name or path; a resumed run reads the one in its folder.
        data: folder of training pictures.
        out: run folder.
        resume: go on from the folder's checkpoint.
        minutes: end well after so long, instead of after the recipe's steps; a resumed run keeps
            to what it was started with.
        device: `auto`, `cpu`, `cuda`, ...
        settings: `key=value` changes of the recipe; a resumed run keeps them, too.
        valid: pictures that choose the steps of the qualities; without it, some of `data`.
        report: is told the progress.
        note: is told what else a user should know.

    Returns:
        The model folder, `out/model`.

    Raises:
        RecipeError: the recipe is wrong.
        TrainingError: no pictures, a run is there already, or the loss is not a number.
        ModelError: the device is not there.
        UsageError: no time is given.
    """
    if minutes is not None and not minutes > 0:
        raise UsageError(f"minutes must be above 0, got {minutes:g}.")
    where = model_folder.checked_device(device)
    _check_run_folder(out, resume=resume)
    chosen = load_recipe(str(out / RECIPE_FILE) if resume else recipe, list(settings))
    paths = find_pictures(data, but_not=out)
    judges = find_pictures(valid, but_not=out) if valid is not None else paths
    # Now, because it would be a pity to find no picture that serves after hours of training.
    judged = validation_pictures(judges, chosen.vqvae.align, VALIDATION_PICTURES)
    minutes = _open_run_folder(out, chosen, minutes, resume=resume)
    source = CropSource(paths, chosen.data, chosen.seed)
    vqvae, prior = _networks(chosen)
    vqvae.to(where)
    prior.to(where)
    # A run that was killed before its first checkpoint has nothing to go on from, and begins again.
    goes_on = resume and (out / CHECKPOINT).is_file()
    loop = TrainingLoop(chosen, out, minutes=minutes, resume=goes_on, report=report)
    phases: list[Callable[[], Phase]] = []
    if chosen.vqvae_phase is not None:
        phases.append(lambda: VqvaePhase(chosen, vqvae, source, where))
    phases.append(lambda: PriorPhase(chosen, vqvae, prior, source, where))
    shares = [p.time_share for p in (chosen.vqvae_phase, chosen.prior_phase) if p is not None]
    for number, phase in enumerate(phases):
        if number >= loop.place.phase:
            loop.run(number, phase(), total_share=sum(shares))
    _list_unreadable(out, source, note)
    report(Progress("export", 0.0, 0, 0.0, 0.0, {}))
    readable = len(paths) - len(source.refused)
    folder = export(chosen, vqvae.cpu(), prior.cpu(), out, judged, readable)
    report(Progress("export", 1.0, 1, 0.0, 0.0, {}))
    return folder


def _networks(recipe: Recipe) -> tuple[Vqvae, PixelCnn]:
    """Build both networks, their weights drawn from the recipe's seed."""
    vqvae_seed, prior_seed = np.random.SeedSequence(recipe.seed).generate_state(2).tolist()
    vqvae = Vqvae(recipe.vqvae)
    initialise(vqvae, torch.Generator().manual_seed(vqvae_seed))
    generator = torch.Generator().manual_seed(prior_seed)
    return vqvae, PixelCnn(recipe.vqvae, recipe.prior, generator)


def _check_run_folder(out: Path, *, resume: bool) -> None:
    """Refuse to resume what is no run, and to begin where one is.

    Raises:
        TrainingError: either of the two.
    """
    if resume and not (out / RECIPE_FILE).is_file():
        raise TrainingError(f"{out} holds no run to go on with; start without --resume.")
    if not resume and (out / CHECKPOINT).exists():
        raise TrainingError(f"{out} holds a run already; add --resume or choose another folder.")


def _open_run_folder(
    out: Path, recipe: Recipe, minutes: float | None, *, resume: bool
) -> float | None:
    """Write what the run is into its folder and return its time limit.

    Raises:
        TrainingError: the folder cannot be written.
    """
    arguments = out / ARGUMENTS_FILE
    if resume and minutes is None and arguments.is_file():
        minutes = json.loads(arguments.read_text(encoding="utf-8"))["minutes"]
    try:
        out.mkdir(parents=True, exist_ok=True)
        _replace_text(arguments, json.dumps({"minutes": minutes}) + "\n")
        if not resume:
            write_versions(out)
        # Last: with it, the folder holds a run that --resume can go on with.
        _replace_text(out / RECIPE_FILE, recipe_to_toml(recipe))
    except OSError as error:
        raise TrainingError(f"the run folder {out} cannot be written: {error}.") from error
    return minutes


def _replace_text(path: Path, text: str) -> None:
    """Write a file whole or not at all."""
    temporary = path.with_suffix(".partial")
    temporary.write_text(text, encoding="utf-8")
    temporary.replace(path)


def _list_unreadable(out: Path, source: CropSource, note: Callable[[str], None]) -> None:
    """Tell the user which pictures training had to do without."""
    refused, total = source.refused, len(source.paths)
    if not refused:
        return
    lines = [f"{path}: {' '.join(reason.split())}" for path, reason in sorted(refused.items())]
    (out / UNREADABLE).write_text("\n".join(lines) + "\n", encoding="utf-8")
    note(f"{len(refused)} of {total} pictures could not be read; {out / UNREADABLE} names them")


def export(
    recipe: Recipe,
    vqvae: Vqvae,
    prior: PixelCnn,
    out: Path,
    pictures: Sequence[Picture],
    training_pictures: int,
) -> Path:
    """Write the model folder: integers, fitted qualities and centroids, curve, card, self test.

    Args:
        recipe: of the run.
        vqvae: trained, on the CPU.
        prior: trained, on the CPU.
        out: run folder; the model folder in it is complete or not there.
        pictures: from `validation_pictures`.
        training_pictures: number of them, for the card.

    Returns:
        `out/model`.
    """
    folder = out / MODEL.with_suffix(".partial")
    shutil.rmtree(folder, ignore_errors=True)
    vqvae.eval()
    config = ModelConfig(recipe.name, recipe.vqvae, recipe.prior)
    codec = _save_and_load(folder, config, vqvae, prior)
    qualities = [1.0]
    if recipe.vqvae.quality is not None:
        qualities = [float(quality) for quality in range(1, 9)]
        for _ in range(FITS):
            quality, shifts = fit_quality(codec, pictures, recipe.quality)
            fitted = dataclasses.replace(recipe.vqvae, quality=quality)
            config = ModelConfig(recipe.name, fitted, recipe.prior)
            set_centroids(codec, shifts)
            codec = _save_and_load(folder, config, codec.model.vqvae, prior)
    points = [measure(codec, pictures, quality) for quality in qualities]
    curve = json.dumps(curve_rows(points), indent=1) + "\n"
    (folder / model_folder.CURVE).write_text(curve, encoding="utf-8")
    self_test = codec.encode_picture(self_test_picture()).data
    (folder / model_folder.SELF_TEST).write_bytes(self_test)
    (folder / model_folder.RECIPE).write_text(recipe_to_toml(recipe), encoding="utf-8")
    card = model_card(recipe, codec, points, training_pictures, out)
    (folder / model_folder.CARD).write_text(card, encoding="utf-8")
    shutil.rmtree(out / MODEL, ignore_errors=True)
    return folder.rename(out / MODEL)


def _save_and_load(folder: Path, config: ModelConfig, vqvae: Vqvae, prior: PixelCnn) -> Codec:
    """Save a model and read it back, so that what is measured is what was written."""
    exact = export_prior(prior, config.vqvae)
    model_folder.save(folder, config, vqvae, exact, prior.state_dict())
    return Codec(model_folder.load(folder))


def self_test_picture() -> Picture:
    """Return a small picture made by arithmetic: gradients, an edge, stripes."""
    rows, columns = np.mgrid[0:96, 0:128]
    red = rows * 2 + columns // 2
    green = np.where(columns > rows, 200, 60) + (rows // 4 % 2) * 20
    blue = (columns * columns // 64) % 256
    return Picture(np.stack([red, green, blue], 2).clip(0, 255).astype(np.uint8))
