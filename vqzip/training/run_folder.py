"""The folder of a run: what it was started with, and what it met."""

from __future__ import annotations

import dataclasses
import hashlib
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from vqzip.errors import TrainingError
from vqzip.files import shown_name, write_whole
from vqzip.training.data.crops import CropSource
from vqzip.training.data.pictures import Pictures
from vqzip.training.export import MODEL
from vqzip.training.loop import CHECKPOINT
from vqzip.training.recipe.config import Recipe
from vqzip.training.recipe.read import recipe_to_toml
from vqzip.training.versions import write_versions

RECIPE_FILE, ARGUMENTS_FILE, UNREADABLE = "recipe.toml", "arguments.json", "unreadable.txt"


@dataclass(frozen=True)
class Arguments:
    """What a run was started with, besides its recipe. None was not given.

    Args:
        recipe: name or path.
        data: source of the training pictures.
        valid: source of the validation pictures.
        start: model that the run starts from.
        minutes: time limit.
        pictures: which pictures `data` has: their number and a hash of their names.
    """

    recipe: str | None = None
    data: str | None = None
    valid: str | None = None
    start: str | None = None
    minutes: float | None = None
    pictures: str | None = None

    def resumed(self, given: Arguments, out: Path) -> Arguments:
        """Return the arguments of a run that is resumed.

        Args:
            given: with the command that resumes it.
            out: folder of the run.

        Raises:
            TrainingError: something that decides the run is another than at its start.
        """
        for key in ("recipe", "data", "valid", "start", "pictures"):
            before, now = getattr(self, key), getattr(given, key)
            if now is not None and now != before and (before is not None or self.pictures):
                raise TrainingError(
                    f"the run in {out} was started with {_named(key, before)}, not with "
                    f"{_named(key, now)}; resume it with the same, or start a new run."
                )
        known = {
            key: value for key, value in dataclasses.asdict(given).items() if value is not None
        }
        return dataclasses.replace(self, **known)


def _named(key: str, value: object) -> str:
    return f"no `{key}`" if value is None else f"`{key}` {value}"


def source_name(source: str | Path | None) -> str | None:
    """Return the name of a source of pictures or a file that says the same in every working folder."""
    if source is None:
        return None
    path = Path(source)
    return str(path.resolve()) if path.exists() else str(source)


def picture_list(pictures: Pictures) -> str:
    """Return the number of pictures and a hash of their names: other pictures make another run."""
    names = hashlib.sha256()
    for number in range(len(pictures)):
        names.update(Path(pictures.title(number)).name.encode("utf-8", "surrogateescape") + b"\0")
    return f"{len(pictures)} pictures ({names.hexdigest()[:16]})"


def check_run_folder(out: Path, *, resume: bool) -> None:
    """Check that the folder holds a run if and only if `resume` is set.

    Raises:
        TrainingError: it does not.
    """
    if resume and not (out / RECIPE_FILE).is_file():
        raise TrainingError(f"{out} holds no run to resume; start without `resume`.")
    if not resume and ((out / CHECKPOINT).exists() or (out / MODEL).exists()):
        raise TrainingError(f"{out} already holds a run; add `resume` or choose another folder.")


def read_arguments(out: Path) -> Arguments:
    """Return the arguments of the run in a folder.

    Raises:
        TrainingError: the file is damaged.
    """
    path = out / ARGUMENTS_FILE
    if not path.is_file():
        return Arguments()
    try:
        known: Mapping[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        return Arguments(**known)
    except (ValueError, TypeError) as error:
        raise TrainingError(f"{path} is damaged ({error}); start a new run.") from error


def open_run_folder(out: Path, recipe: Recipe, arguments: Arguments, *, resume: bool) -> None:
    """Write the facts of the run into its folder.

    Raises:
        TrainingError: the folder cannot be written.
    """
    try:
        out.mkdir(parents=True, exist_ok=True)
        text = json.dumps(dataclasses.asdict(arguments)) + "\n"
        write_whole(out / ARGUMENTS_FILE, text.encode())
        if not resume:
            write_versions(out)
        # Last, because this file makes the folder a run that can be resumed.
        write_whole(out / RECIPE_FILE, recipe_to_toml(recipe).encode())
    except OSError as error:
        raise TrainingError(f"the run folder {out} cannot be written: {error}.") from error


def list_unreadable(out: Path, source: CropSource, note: Callable[[str], None]) -> None:
    """Write down which pictures could not be read."""
    refused, total = source.refused, len(source.pictures)
    if not refused:
        return
    lines = [
        shown_name(f"{source.pictures.title(number)}: {' '.join(why.split())}")
        for number, why in sorted(refused.items())
    ]
    (out / UNREADABLE).write_text("\n".join(lines) + "\n", encoding="utf-8")
    note(f"{len(refused)} of {total} pictures could not be read; {out / UNREADABLE} names them")
