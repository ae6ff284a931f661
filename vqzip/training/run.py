"""A whole training run: recipe and pictures in, model folder out."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Literal

import numpy as np
import torch

from vqzip.autoencoders.discrete import Vqvae
from vqzip.autoencoders.torch_weights import checked_device
from vqzip.codec.codec import Codec
from vqzip.errors import TrainingError, UsageError
from vqzip.files import shown_name, whole_folder, write_whole
from vqzip.models import folder as model_folder
from vqzip.models.config import ModelConfig
from vqzip.models.learned import load_float_prior, load_vqvae, save
from vqzip.models.places import locate
from vqzip.pictures.picture import Picture
from vqzip.prior.export.float_to_integer import export_prior
from vqzip.prior.float.pixelcnn import PixelCnn
from vqzip.training.calibrate import (
    curve_json,
    fit_quality,
    measure_curve,
    set_centroids,
    validation_pictures,
)
from vqzip.training.image_sources import CropSource, find_pictures
from vqzip.training.joint_phase import JointPhase
from vqzip.training.loop import CHECKPOINT, Progress, TrainingLoop, write_versions
from vqzip.training.model_card import model_card
from vqzip.training.phases import Phase, PriorPhase, VqvaePhase
from vqzip.training.predictor_phase import PredictorPhase
from vqzip.training.recipe import Recipe, load_recipe, recipe_to_toml
from vqzip.training.runtime_check import check_runtimes

RECIPE_FILE, ARGUMENTS_FILE, UNREADABLE = "recipe.toml", "arguments.json", "unreadable.txt"
MODEL = Path("model")
VALIDATION_PICTURES = 12
FITS = 2
"""The first fit of the qualities extrapolates beyond the measured points; the second interpolates."""


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
    _check_run_folder(out, resume=resume)
    chosen = load_recipe(str(out / RECIPE_FILE) if resume else recipe, list(settings))
    paths = find_pictures(data, but_not=out)
    candidates = find_pictures(valid, but_not=out) if valid is not None else paths
    # Now, not after hours of training: there may be no usable picture.
    validation = validation_pictures(candidates, chosen.vqvae.align, VALIDATION_PICTURES)
    start = None if start is None else locate(str(start))
    minutes, start = _open_run_folder(out, chosen, minutes, start, resume=resume)
    source = CropSource(paths, chosen.data, chosen.seed)
    source.look()
    vqvae, prior = _networks(chosen)
    # A run that was killed before its first checkpoint starts again.
    goes_on = resume and (out / CHECKPOINT).is_file()
    if start is not None and not goes_on:
        start_from(start, vqvae, prior)
    vqvae.to(where)
    prior.to(where)
    loop = TrainingLoop(chosen, out, minutes=minutes, resume=goes_on, report=report)
    plans = _phases(chosen, vqvae, prior, source, where, prepared=start is not None)
    shares = sum(share for share, _ in plans)
    for number, (_, phase) in enumerate(plans):
        if number >= loop.place.phase:
            loop.run(number, phase(), total_share=shares)
    _list_unreadable(out, source, note)
    report(Progress("export", 0.0, 0, 0.0, 0.0, {}))
    readable = len(paths) - len(source.refused)
    folder = export(chosen, vqvae.cpu(), prior.cpu(), out, validation, readable)
    report(Progress("export", 1.0, 1, 0.0, 0.0, {}))
    return folder


def _phases(
    recipe: Recipe,
    vqvae: Vqvae,
    prior: PixelCnn,
    source: CropSource,
    device: torch.device,
    *,
    prepared: bool,
) -> list[tuple[float, Callable[[], Phase]]]:
    """Return the time share and the constructor of each phase, in order.

    Args:
        recipe: of the run.
        vqvae: on the device.
        prior: on the device.
        source: of crops.
        device: where to train.
        prepared: whether the networks come from a model, so that the prior is already trained.
    """
    everything = (recipe, vqvae, prior, source, device)
    plans: list[tuple[float, Callable[[], Phase]]] = []
    joint = [("decoder", recipe.decoder_phase), ("joint", recipe.joint_phase)]
    if recipe.vqvae_phase is not None:
        plans.append(
            (recipe.vqvae_phase.time_share, lambda: VqvaePhase(recipe, vqvae, source, device))
        )
    if not prepared or all(config is None for _, config in joint):
        plans.append((recipe.prior_phase.time_share, lambda: PriorPhase(*everything)))
    if recipe.predictor_phase is not None:
        share = recipe.predictor_phase.time_share
        plans.append((share, lambda: PredictorPhase(recipe, vqvae, prior, source, device)))
    for name, config in joint:
        if config is not None:
            plans.append((config.time_share, partial(JointPhase, name, config, *everything)))
    return plans


def _networks(recipe: Recipe) -> tuple[Vqvae, PixelCnn]:
    """Build both networks with random weights from the recipe's seed."""
    vqvae_seed, prior_seed = np.random.SeedSequence(recipe.seed).generate_state(2).tolist()
    vqvae = Vqvae(recipe.vqvae)
    vqvae.initialize(torch.Generator().manual_seed(vqvae_seed))
    generator = torch.Generator().manual_seed(prior_seed)
    return vqvae, PixelCnn(recipe.vqvae, recipe.prior, generator)


def start_from(folder: Path, vqvae: Vqvae, prior: PixelCnn) -> None:
    """Load the weights of a model into networks, wherever names and shapes are the same.

    Args:
        folder: of a model.
        vqvae: changed in place.
        prior: changed in place.

    Raises:
        ModelError: there is no such model, or it is damaged.
    """
    model = model_folder.load(folder)
    weights = load_float_prior(model).state_dict()
    learned = load_vqvae(model.path).state_dict()
    for module, known in ((vqvae, learned), (prior, weights)):
        own = module.state_dict()
        fitting = {n: t for n, t in known.items() if n in own and own[n].shape == t.shape}
        # A network is loaded as a whole or not at all: its layers do not fit other layers.
        strange = {_network(n) for n in own if n not in fitting} - {None}
        fitting = {n: t for n, t in fitting.items() if _network(n) not in strange}
        module.load_state_dict({**own, **fitting})


def _network(name: str) -> str | None:
    """Return the network around the wavelet that a tensor belongs to, or None."""
    parts = name.split(".")
    return parts[1] if parts[:1] == ["transform"] and len(parts) > 2 else None


def _check_run_folder(out: Path, *, resume: bool) -> None:
    """Check that the folder holds a run if and only if `resume` is set.

    Raises:
        TrainingError: it does not.
    """
    if resume and not (out / RECIPE_FILE).is_file():
        raise TrainingError(f"{out} holds no run to resume; start without `resume`.")
    if not resume and (out / CHECKPOINT).exists():
        raise TrainingError(f"{out} already holds a run; add `resume` or choose another folder.")


def _open_run_folder(
    out: Path, recipe: Recipe, minutes: float | None, start: Path | None, *, resume: bool
) -> tuple[float | None, Path | None]:
    """Write the facts of the run into its folder; return its time limit and its start model.

    Raises:
        TrainingError: the folder cannot be written.
    """
    arguments = out / ARGUMENTS_FILE
    if resume and arguments.is_file():
        before = json.loads(arguments.read_text(encoding="utf-8"))
        minutes = before["minutes"] if minutes is None else minutes
        start = Path(before["start"]) if before.get("start") else start
    try:
        out.mkdir(parents=True, exist_ok=True)
        known = {"minutes": minutes, "start": None if start is None else str(start.resolve())}
        write_whole(arguments, (json.dumps(known) + "\n").encode())
        if not resume:
            write_versions(out)
        # Last, because this file makes the folder a run that can be resumed.
        write_whole(out / RECIPE_FILE, recipe_to_toml(recipe).encode())
    except OSError as error:
        raise TrainingError(f"the run folder {out} cannot be written: {error}.") from error
    return minutes, start


def _list_unreadable(out: Path, source: CropSource, note: Callable[[str], None]) -> None:
    """Tell the user which pictures could not be read."""
    refused, total = source.refused, len(source.paths)
    if not refused:
        return
    lines = [
        shown_name(f"{path}: {' '.join(why.split())}") for path, why in sorted(refused.items())
    ]
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
        out: run folder; the model folder in it is written atomically.
        pictures: from `validation_pictures`.
        training_pictures: number of them, for the card.

    Returns:
        `out/model`.
    """
    with whole_folder(out / MODEL) as folder:
        _fill(folder, recipe, vqvae, prior, out, pictures, training_pictures)
    return out / MODEL


def _fill(
    folder: Path,
    recipe: Recipe,
    vqvae: Vqvae,
    prior: PixelCnn,
    out: Path,
    pictures: Sequence[Picture],
    training_pictures: int,
) -> None:
    """Write the files of `export` into a temporary folder."""
    vqvae.eval()
    config = model_config(recipe)
    codec = _save_and_load(folder, config, vqvae, prior)
    if recipe.vqvae.quality is not None:
        for _ in range(FITS):
            vqvae = load_vqvae(folder)
            quality, shifts = fit_quality(codec, vqvae, pictures, recipe.quality)
            fitted = dataclasses.replace(recipe.vqvae, quality=quality)
            config = dataclasses.replace(config, vqvae=fitted)
            set_centroids(vqvae, shifts)
            codec = _save_and_load(folder, config, vqvae, prior)
    points = measure_curve(codec, pictures)
    (folder / model_folder.CURVE).write_text(curve_json(points), encoding="utf-8")
    self_test = codec.encode_picture(self_test_picture()).data
    (folder / model_folder.SELF_TEST).write_bytes(self_test)
    (folder / model_folder.RECIPE).write_text(recipe_to_toml(recipe), encoding="utf-8")
    card = model_card(recipe, codec, points, training_pictures, out)
    (folder / model_folder.CARD).write_text(card, encoding="utf-8")


def model_config(recipe: Recipe) -> ModelConfig:
    """Return a recipe's model before its qualities are fitted.

    Its metric is that of the last phase with a distortion; all but joint phases use squared errors.
    """
    phase = recipe.joint_phase or recipe.decoder_phase
    structural = phase is not None and phase.distortion == "ms-ssim"
    metric: Literal["psnr", "ms-ssim"] = "ms-ssim" if structural else "psnr"
    return ModelConfig(recipe.name, recipe.vqvae, recipe.prior, metric, recipe.quality.bit_price)


def _save_and_load(folder: Path, config: ModelConfig, vqvae: Vqvae, prior: PixelCnn) -> Codec:
    """Save a model and load it again, so that the written model is measured."""
    exact = export_prior(prior, config.vqvae)
    save(folder, config, vqvae, exact, prior.state_dict())
    codec = Codec(model_folder.load(folder))
    check_runtimes(load_vqvae(folder), codec.model.autoencoder)
    return codec


def self_test_picture() -> Picture:
    """Return a small computed picture: gradients, an edge, stripes."""
    rows, columns = np.mgrid[0:96, 0:128]
    red = rows * 2 + columns // 2
    green = np.where(columns > rows, 200, 60) + (rows // 4 % 2) * 20
    blue = (columns * columns // 64) % 256
    return Picture(np.stack([red, green, blue], 2).clip(0, 255).astype(np.uint8))
