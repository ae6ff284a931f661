"""Names of outputs: beside the input or in a mirrored tree, and never two inputs for one output."""

from __future__ import annotations

import unicodedata
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from vqzip.batch.inputs import Found


@dataclass(frozen=True)
class Task:
    """A file to work on.

    Args:
        source: the input.
        output: where the result goes; None if it is only returned.
    """

    source: Path
    output: Path | None


@dataclass(frozen=True)
class Clash:
    """Inputs that would have had the same output.

    Args:
        wanted: that output.
        tasks: what the inputs and their outputs are instead.
    """

    wanted: Path
    tasks: tuple[Task, ...]


@dataclass(frozen=True)
class Named:
    """Inputs with their outputs.

    Args:
        tasks: in the order of the inputs.
        clashes: the outputs that were renamed.
    """

    tasks: tuple[Task, ...]
    clashes: tuple[Clash, ...]


def place_of(found: Found, folder: Path | None) -> Path:
    """Return the path of an input's copy in the mirrored tree; the input's own without a tree."""
    return found.path if folder is None else folder / found.inside


def name_outputs(
    files: Sequence[Found], suffix: str, *, folder: Path | None, taken: Iterable[Path] = ()
) -> Named:
    """Name the output of every input.

    The output has the input's name with another suffix. Where several inputs would have the same one, all
    of them keep their suffix before the new one (`a.jpg.vqz` and `a.png.vqz`), so that names do not depend
    on the order. Names that only differ in case or in the way that accents are written count as equal,
    because they are equal on some systems.

    Args:
        files: the inputs.
        suffix: of the outputs.
        folder: root of the mirrored tree; None puts outputs beside their inputs.
        taken: outputs that belong to other files.
    """
    places = [place_of(found, folder) for found in files]
    short = [place.with_suffix(suffix) for place in places]
    full = [place.with_name(place.name + suffix) for place in places]
    taken_keys = {_key(path) for path in taken}
    names, changed = list(short), True
    while changed:
        count = Counter(_key(name) for name in names)
        clashing = {key for key, number in count.items() if number > 1} | taken_keys
        # A full name may be the short name of another file, which then needs its full name, too.
        after = [
            full[number] if _key(name) in clashing else name for number, name in enumerate(names)
        ]
        names, changed = after, after != names
    names = _numbered(names, taken_keys)
    tasks = tuple(Task(found.path, name) for found, name in zip(files, names, strict=True))
    return Named(tasks, _clashes(tasks, short))


def _numbered(names: Sequence[Path], taken: set[str]) -> list[Path]:
    """Number the names that are still equal: those of files from several folders, or equal but for case."""
    used, numbered = set(taken), []
    for name in names:
        free, number = name, 1
        while _key(free) in used:
            number += 1
            free = name.with_name(f"{name.stem}-{number}{name.suffix}")
        used.add(_key(free))
        numbered.append(free)
    return numbered


def _clashes(tasks: Sequence[Task], wanted: Sequence[Path]) -> tuple[Clash, ...]:
    renamed: dict[str, list[int]] = {}
    for number, (task, name) in enumerate(zip(tasks, wanted, strict=True)):
        if task.output != name:
            renamed.setdefault(_key(name), []).append(number)
    return tuple(
        Clash(wanted[numbers[0]], tuple(tasks[number] for number in numbers))
        for numbers in renamed.values()
    )


def _key(path: Path) -> str:
    return unicodedata.normalize("NFC", str(path)).casefold()
