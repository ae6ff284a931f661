"""The folder of a run: what it was started with, and what it met."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

from vqzip.errors import TrainingError
from vqzip.files import shown_name, write_whole
from vqzip.training.image_sources import CropSource
from vqzip.training.loop import CHECKPOINT, write_versions
from vqzip.training.recipe.config import Recipe
from vqzip.training.recipe.read import recipe_to_toml

RECIPE_FILE, ARGUMENTS_FILE, UNREADABLE = "recipe.toml", "arguments.json", "unreadable.txt"


def check_run_folder(out: Path, *, resume: bool) -> None:
    """Check that the folder holds a run if and only if `resume` is set.

    Raises:
        TrainingError: it does not.
    """
    if resume and not (out / RECIPE_FILE).is_file():
        raise TrainingError(f"{out} holds no run to resume; start without `resume`.")
    if not resume and (out / CHECKPOINT).exists():
        raise TrainingError(f"{out} already holds a run; add `resume` or choose another folder.")


def open_run_folder(
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


def list_unreadable(out: Path, source: CropSource, note: Callable[[str], None]) -> None:
    """Tell the user which pictures could not be read."""
    refused, total = source.refused, len(source.paths)
    if not refused:
        return
    lines = [
        shown_name(f"{path}: {' '.join(why.split())}") for path, why in sorted(refused.items())
    ]
    (out / UNREADABLE).write_text("\n".join(lines) + "\n", encoding="utf-8")
    note(f"{len(refused)} of {total} pictures could not be read; {out / UNREADABLE} names them")
