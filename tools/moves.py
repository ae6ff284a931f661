"""Print the rooms that a picture passes through on its way to a file: `python -m tools.moves PICTURE`.

The tool encodes the picture and notes every module of the package when one of its functions is called for the first
time. This is the order in which somebody reads the code who follows the picture. A room is a folder of `vqzip/`; a
move is a change of the room from one module to the next; a move is up if the new room is in a higher layer. Not
counted: loading the model and asking for its ability, where there is no picture yet, and the modules beside the rooms
(`codes`, `quality`, ...), which hold values and go everywhere. Without the compiled walk there is one room more,
`entropy`.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby, pairwise
from pathlib import Path
from types import FrameType
from unittest.mock import patch

import vqzip
from tests.test_layers import LAYER

PACKAGE = Path(vqzip.__file__).parent
LOADING = ("load_model", "compressing")
"""Functions that load the model and ask for its ability."""


@dataclass(frozen=True)
class Road:
    """The modules of the package in the order in which a picture comes to them, as paths."""

    modules: tuple[str, ...]

    @property
    def stays(self) -> list[tuple[str, list[str]]]:
        """Rooms in the order in which they are entered, each with the modules that are new there."""
        return [(room, list(own)) for room, own in groupby(self.modules, room_of)]

    @property
    def rooms(self) -> set[str]:
        """All rooms."""
        return {room for room, _ in self.stays}

    @property
    def moves(self) -> list[tuple[str, str]]:
        """Changes of the room."""
        return list(pairwise(room for room, _ in self.stays))

    @property
    def moves_up(self) -> list[tuple[str, str]]:
        """Moves to a room in a higher layer."""
        return [(a, b) for a, b in self.moves if LAYER[b] > LAYER[a]]


def room_of(module: str) -> str:
    """Return the folder of a module."""
    return module.split("/")[0]


def trace(source: Path, model: str = "photo") -> Road:
    """Encode a picture once to import everything, then follow it."""
    from vqzip.cli.app import run

    found: dict[str, None] = {}
    loading = 0

    def note(frame: FrameType, event: str, _argument: object) -> None:
        nonlocal loading
        if not frame.f_code.co_filename.startswith(str(PACKAGE)):
            return
        if frame.f_code.co_name in LOADING:
            loading += {"call": 1, "return": -1}.get(event, 0)
        module = Path(frame.f_code.co_filename).relative_to(PACKAGE).as_posix()
        if event == "call" and not loading and "/" in module:
            found.setdefault(module)

    with tempfile.TemporaryDirectory() as folder, patch("vqzip.threads.thread_count", lambda: 1):
        arguments = ["encode", str(source), "--model", model, "-o", f"{folder}/a.vqz", "--force"]
        for follow in (None, note):
            sys.setprofile(follow)
            try:
                status = run(arguments)
            finally:
                sys.setprofile(None)
            if status:
                raise SystemExit(status)
    return Road(tuple(found))


def main(arguments: Sequence[str] | None = None) -> None:
    """Print the road."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", maxsplit=1)[0])
    parser.add_argument("picture", type=Path)
    parser.add_argument("--model", default="photo")
    given = parser.parse_args(arguments)
    road = trace(given.picture, given.model)
    for room, modules in road.stays:
        print(f"{room}: {', '.join(Path(module).stem for module in modules)}")
    print(f"{len(road.rooms)} rooms, {len(road.moves)} moves, {len(road.moves_up)} of them up")


if __name__ == "__main__":
    main()
