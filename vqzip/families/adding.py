"""Adds a model to those that are found by name: fetched, checked, and put into the user's folder.

Only files with the names of a model folder are taken, and none of them is ever run. Before a model gets its place,
its checksums are compared, its configuration is held to the limits, and its weights are loaded.
"""

from __future__ import annotations

import re
import tempfile
from dataclasses import dataclass
from pathlib import Path

from vqzip.errors import ModelError
from vqzip.families.fetching import fetch
from vqzip.families.installed import ModelSummary, summary
from vqzip.families.known import load_model
from vqzip.files import whole_folder
from vqzip.models.places import CONFIG, model_id, user_models

SHORTEST_ID = 16
"""Digits of an id that are enough to name a model: those in a .vqz file."""

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")


@dataclass(frozen=True)
class Wanted:
    """What a model must be to be added.

    Args:
        name: under which it is found; None takes the name in its configuration.
        id: at least the first 16 hexadecimal digits of its id; None accepts any.
        replace: whether another model of this name may be replaced.

    Raises:
        ModelError: the name or the id cannot be one.
    """

    name: str | None = None
    id: str | None = None
    replace: bool = False

    def __post_init__(self) -> None:
        if self.name is not None:
            check_name(self.name)
        if self.id is not None and not re.fullmatch(rf"[0-9a-f]{{{SHORTEST_ID},64}}", self.id):
            raise ModelError(
                f"an id is {SHORTEST_ID} to 64 hexadecimal digits, got '{self.id}'; `vqzip info` and "
                "`vqzip models` show ids."
            )


def add(source: str, wanted: Wanted, into: Path | None = None) -> ModelSummary:
    """Add a model, and return the facts about it.

    A model that is there already, with the same id, stays as it is.

    Args:
        source: a model folder, the URL of one, or `hf:OWNER/NAME`; see `fetching.fetch`.
        wanted: what it must be.
        into: the folder of model folders; default: the user's own.

    Raises:
        ModelError: it cannot be fetched, is damaged, is not the wanted one, or its name is taken.
        UsageError: a package that fetching or the model needs is not installed.
        OSError: the folder cannot be written.
    """
    root = user_models() if into is None else into
    root.mkdir(parents=True, exist_ok=True)
    # Inside a folder of its own, where no model is searched for.
    with tempfile.TemporaryDirectory(prefix=".adding-", dir=root) as scratch:
        staged = Path(scratch) / "model"
        staged.mkdir()
        fetch(source, staged, identified=wanted.id is not None)
        found = _checked(staged, wanted)
        place = root / check_name(wanted.name or found.config.name)
        if (place / CONFIG).exists():
            if model_id(place) == found.id:
                return summary(place)
            if not wanted.replace:
                raise ModelError(
                    f"another model is in {place}; give a `name`, or use `force` to replace it."
                )
        with whole_folder(place) as target:
            staged.rename(target)
    return summary(place)


def check_name(name: str) -> str:
    """Return a name that can be that of a folder on every system.

    Raises:
        ModelError: it cannot.
    """
    if not _NAME.fullmatch(name):
        raise ModelError(
            f"a model's name has 1 to 100 of the characters A-Z a-z 0-9 . _ -, got '{name}'; give "
            "another `name`."
        )
    return name


def _checked(folder: Path, wanted: Wanted) -> ModelSummary:
    """Return the facts about a model after proving that it can be used.

    Raises:
        ModelError: it is damaged, or not the wanted one.
    """
    found = summary(folder)
    if wanted.id is not None and not found.id.hex().startswith(wanted.id):
        raise ModelError(
            f"the model has the id {found.id.hex()}, not {wanted.id}; nothing was added."
        )
    load_model(folder)
    return found
