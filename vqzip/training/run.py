"""A whole training run: recipe and pictures in, model folder out."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import torch

from vqzip.autoencoders.torch_weights import checked_device
from vqzip.errors import RecipeError, UsageError
from vqzip.models.places import locate
from vqzip.pictures.picture import Picture
from vqzip.training.calibrate import validation_pictures
from vqzip.training.data.crops import CropSource
from vqzip.training.data.loader import Loader
from vqzip.training.data.pictures import Pictures, open_pictures
from vqzip.training.export import MODEL, export
from vqzip.training.loop import CHECKPOINT, TrainingLoop
from vqzip.training.losses import check_distortion
from vqzip.training.networks import make_networks, start_from
from vqzip.training.phases.known import make_phase
from vqzip.training.phases.phase import Setup
from vqzip.training.progress import Progress
from vqzip.training.ranks import Ranks, joined
from vqzip.training.recipe.config import Recipe
from vqzip.training.recipe.phases import PhaseConfig, WaveletNetworksConfig
from vqzip.training.recipe.read import load_recipe
from vqzip.training.run_folder import (
    RECIPE_FILE,
    Arguments,
    check_run_folder,
    list_unreadable,
    open_run_folder,
    picture_list,
    read_arguments,
    source_name,
)
from vqzip.training.shortcomings import read_shortcomings
from vqzip.training.view import View

VALIDATION_PICTURES = 12


@dataclass(frozen=True)
class Outcome:
    """What a run ended with.

    Args:
        model: the model folder.
        shortcomings: what the model lacks, a sentence each; CARD.md lists them, too.
    """

    model: Path
    shortcomings: tuple[str, ...] = ()


@dataclass(frozen=True)
class Surroundings:
    """What a run uses but what does not decide it.

    Args:
        device: `auto`, `cpu`, `cuda`, ...
        workers: processes that cut crops; None is one for each core, up to 8, with a GPU, otherwise 0.
        download: whether data sets may be downloaded.
        report: called with the progress.
        note: called with messages for the user.
    """

    device: str = "auto"
    workers: int | None = None
    download: bool = False
    report: Callable[[Progress], None] = lambda _: None
    note: Callable[[str], None] = lambda _: None

    def count_workers(self, device: torch.device) -> int:
        """Return the number of processes that cut crops."""
        if self.workers is not None:
            return self.workers
        cores = torch.multiprocessing.cpu_count()
        return min(8, cores) if device.type == "cuda" else 0


USUAL = Surroundings()


def run(
    recipe: str | None,
    *,
    data: str | Path | None = None,
    out: Path,
    resume: bool = False,
    force: bool = False,
    minutes: float | None = None,
    settings: Sequence[str] = (),
    valid: str | Path | None = None,
    start: Path | None = None,
    around: Surroundings = USUAL,
) -> Outcome:
    """Train by a recipe and export a model.

    Args:
        recipe: name or path; a resumed run reads the one in its folder.
        data: folder of training pictures, or a data set (`data.pictures.open_pictures`).
        out: run folder.
        resume: continue from the checkpoint in the folder; everything else may be left out then.
        force: with `resume`, export the model of a finished run again and replace it.
        minutes: time limit for training, instead of the recipe's steps; a resumed run keeps its limit.
        settings: `key=value` changes of the recipe; a resumed run keeps them.
        valid: pictures to fit the qualities on; default: some of `data`.
        start: name or folder of a model; the run starts from those of its weights that fit, and skips a
            prior phase that only prepares for a joint phase.
        around: device, workers, and who is told about the progress.

    Returns:
        The model folder, `out/model`, and what the model lacks.

    Raises:
        RecipeError: the recipe is wrong.
        TrainingError: no pictures, the folder already holds a run, the loss is not a number, or a resumed run
            was started with something else.
        ModelError: the device is missing.
        UsageError: `minutes` is not positive, or an argument is missing.
    """
    check_minutes(minutes)
    where = checked_device(around.device)
    check_run_folder(out, resume=resume)
    given = Arguments(
        recipe=source_name(recipe),
        data=source_name(data),
        valid=source_name(valid),
        start=None if start is None else str(locate(str(start)).resolve()),
        minutes=minutes,
    )
    arguments = read_arguments(out).resumed(given, out) if resume else given
    if arguments.data is None or (recipe is None and not resume):
        raise UsageError("a new run needs `recipe` and `data`.")
    with joined(where) as ranks:
        if resume and (out / MODEL).exists() and not force:
            around.note(f"{out} is finished; `force` exports its model again")
            return Outcome(out / MODEL, read_shortcomings(out / MODEL))
        chosen = load_recipe(str(out / RECIPE_FILE) if resume else str(recipe), list(settings))
        for phase in chosen.phases:
            if isinstance(phase, WaveletNetworksConfig):
                check_distortion(phase.distortion)
        pictures = open_pictures(arguments.data, but_not=out, download=around.download)
        arguments = arguments.resumed(Arguments(pictures=picture_list(pictures)), out)
        validation = _validation(chosen, arguments, pictures, out, around)
        ranks.wait()
        if ranks.writes:
            open_run_folder(out, chosen, arguments, resume=resume)
        session = Session(chosen, arguments, pictures, validation, out, ranks, around)
        return session.train(where, resume=resume)


def check_minutes(minutes: float | None) -> None:
    """Raise a UsageError if a time limit is not positive."""
    if minutes is not None and not minutes > 0:
        raise UsageError(f"minutes must be above 0, got {minutes:g}.")


def _validation(
    recipe: Recipe, arguments: Arguments, pictures: Pictures, out: Path, around: Surroundings
) -> list[Picture]:
    """Return the validation pictures; now, not after hours of training: there may be no usable picture."""
    if arguments.valid is not None:
        pictures = open_pictures(arguments.valid, but_not=out, download=around.download)
    return validation_pictures(pictures, recipe.vqvae.align, VALIDATION_PICTURES)


@dataclass(frozen=True)
class Session:
    """A run with all that it needs.

    Args:
        recipe: of the run.
        arguments: that it was started with.
        pictures: to train on.
        validation: pictures to measure on.
        out: run folder.
        ranks: the processes that train.
        around: device, workers, and who is told about the progress.
    """

    recipe: Recipe
    arguments: Arguments
    pictures: Pictures
    validation: list[Picture]
    out: Path
    ranks: Ranks
    around: Surroundings

    def train(self, device: torch.device, *, resume: bool) -> Outcome:
        """Run all phases and export the model."""
        recipe, arguments = self.recipe, self.arguments
        source = CropSource(self.pictures, recipe.data, recipe.seed)
        source.look()
        vqvae, prior = make_networks(recipe)
        # A run that was killed before its first checkpoint starts again.
        goes_on = resume and (self.out / CHECKPOINT).is_file()
        if arguments.start is not None and not goes_on:
            start_from(Path(arguments.start), vqvae, prior)
        workers = self.around.count_workers(device)
        loader = Loader(source, workers, pinned=device.type == "cuda")
        setup = Setup(recipe, vqvae.to(device), prior.to(device), loader, device, self.ranks)
        view = View(setup, self.validation, self.out)
        loop = TrainingLoop(
            recipe,
            self.out,
            minutes=arguments.minutes,
            resume=goes_on,
            report=self.around.report,
            note=self.around.note,
            view=view,
            ranks=self.ranks,
        )
        phases = needed_phases(recipe, prepared=arguments.start is not None)
        shares = sum(phase.time_share for phase in phases)
        for number, phase in enumerate(phases):
            if number >= loop.place.phase:
                loop.run(number, make_phase(phase, setup), total_share=shares)
        if self.ranks.writes:
            return self._finish(setup, source, view)
        self.ranks.wait()
        return Outcome(self.out / MODEL, read_shortcomings(self.out / MODEL))

    def _finish(self, setup: Setup, source: CropSource, view: View) -> Outcome:
        """Export the model."""
        list_unreadable(self.out, source, self.around.note)
        readable = len(self.pictures) - len(source.refused)
        model = export(
            self.recipe,
            setup.vqvae.cpu(),
            setup.prior.cpu(),
            self.out,
            self.validation,
            readable,
            report=lambda done, of: self.around.report(exporting(done, of)),
        )
        view.finish()
        self.ranks.wait()
        return Outcome(model, read_shortcomings(model))


def exporting(done: int, of: int) -> Progress:
    """Return the progress of an export: pictures that were encoded, of how many."""
    return Progress("export", done / max(of, 1), done, 0.0, 0.0, {"pictures": done}, ("pictures",))


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
