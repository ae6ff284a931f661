"""Starts a training run by a recipe of any family."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from vqzip.errors import UsageError
from vqzip.training.likelihood.recipe import load_likelihood_recipe
from vqzip.training.likelihood.run import run_likelihood
from vqzip.training.run import USUAL, Outcome, Surroundings, check_minutes, run
from vqzip.training.run_folder import RECIPE_FILE


def start_run(
    recipe: str,
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
    """Train by a recipe and export a model; see `vqzip.training.run.run` for the arguments.

    Raises:
        UsageError: `valid` or `start` is given for a family that has no use for it, or `data` is missing.
    """
    own = load_likelihood_recipe(str(out / RECIPE_FILE) if resume else recipe, list(settings))
    if own is None:
        return run(
            recipe,
            data=data,
            out=out,
            resume=resume,
            force=force,
            minutes=minutes,
            settings=settings,
            valid=valid,
            start=start,
            around=around,
        )
    if valid is not None or start is not None:
        raise UsageError("`valid` and `start` are for models with codes; leave them out.")
    if data is None:
        raise UsageError("a run by likelihood needs `data`.")
    check_minutes(minutes)
    model = run_likelihood(
        own,
        data=Path(data),
        out=out,
        resume=resume,
        minutes=minutes,
        device=around.device,
        report=around.report,
    )
    return Outcome(model)
