"""What a call will do: which outputs are made, which are there already, which files are copied."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from vqzip.batch.inputs import Inputs
from vqzip.batch.names import Clash, Task, name_outputs, place_of
from vqzip.errors import PictureError
from vqzip.files import remove_abandoned

Existing = Literal["refuse", "skip", "replace"]
"""What happens to outputs that exist."""


@dataclass(frozen=True)
class Plan:
    """What a call will do.

    Args:
        tasks: files to work on.
        skipped: files whose output exists.
        copies: other files to copy to the mirrored tree.
        others: number of other files in the folders, copied or not.
        clashes: outputs that were renamed, because several inputs had the same.
    """

    tasks: tuple[Task, ...]
    skipped: tuple[Task, ...] = ()
    copies: tuple[Task, ...] = ()
    others: int = 0
    clashes: tuple[Clash, ...] = ()

    @property
    def folders(self) -> set[Path]:
        """The folders of all outputs."""
        made = (*self.tasks, *self.copies)
        return {task.output.parent for task in made if task.output is not None}

    def prepare(self) -> None:
        """Create the folders, and remove what killed processes left there.

        Raises:
            OSError: a folder cannot be created.
        """
        for folder in sorted(self.folders):
            folder.mkdir(parents=True, exist_ok=True)
            remove_abandoned(folder)


def make_plan(
    inputs: Inputs,
    suffix: str,
    *,
    folder: Path | None,
    existing: Existing,
    copy_others: bool = False,
) -> Plan:
    """Decide what is done with the files of a call; nothing is written.

    Args:
        inputs: the files.
        suffix: of the outputs.
        folder: root of the mirrored tree; None puts outputs beside their inputs.
        existing: what to do about outputs that exist.
        copy_others: copy other files to the mirrored tree.

    Raises:
        PictureError: outputs exist, and they are refused.
    """
    copies = [
        Task(found.path, place_of(found, folder))
        for found in inputs.others
        if copy_others and folder is not None
    ]
    taken = [task.output for task in copies if task.output is not None]
    named = name_outputs(inputs.wanted, suffix, folder=folder, taken=taken)
    there = {task for task in (*named.tasks, *copies) if task.output and task.output.is_file()}
    made = [task for task in named.tasks if task in there]
    if made and existing == "refuse":
        _refuse(made, len(named.tasks))
    skipped = there if existing == "skip" else {task for task in copies if task in there}
    return Plan(
        tasks=_without(named.tasks, skipped),
        skipped=tuple(task for task in made if task in skipped),
        copies=_without(copies, skipped),
        others=len(inputs.others),
        clashes=named.clashes,
    )


def _without(tasks: Iterable[Task], skipped: set[Task]) -> tuple[Task, ...]:
    return tuple(task for task in tasks if task not in skipped)


def _refuse(there: list[Task], count: int) -> None:
    first = there[0].output
    if count == 1:
        raise PictureError(f"{first} already exists; use `force` to overwrite it.")
    raise PictureError(
        f"{len(there)} of {count} outputs already exist, such as {first}; use `skip_existing` to leave "
        "them as they are, or `force` to overwrite them."
    )
