"""Starts a training run by a recipe of any family."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from vqzip.errors import UsageError
from vqzip.training.likelihood.recipe import load_likelihood_recipe
from vqzip.training.likelihood.run import run_likelihood
from vqzip.training.loop import Progress
from vqzip.training.run import run
from vqzip.training.run_folder import RECIPE_FILE


def start_run(
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
    """Train by a recipe and export a model; see `vqzip.training.run.run` for the arguments.

    Raises:
        UsageError: `valid` or `start` is given for a family that has no use for it.
    """
    own = load_likelihood_recipe(str(out / RECIPE_FILE) if resume else recipe, list(settings))
    if own is None:
        return run(
            recipe,
            data=data,
            out=out,
            resume=resume,
            minutes=minutes,
            device=device,
            settings=settings,
            valid=valid,
            start=start,
            report=report,
            note=note,
        )
    if valid is not None or start is not None:
        raise UsageError("`valid` and `start` are for models with codes; leave them out.")
    if minutes is not None and not minutes > 0:
        raise UsageError(f"minutes must be above 0, got {minutes:g}.")
    return run_likelihood(
        own, data=data, out=out, resume=resume, minutes=minutes, device=device, report=report
    )
