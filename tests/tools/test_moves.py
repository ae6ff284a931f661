"""The road of a picture through the package stays short."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tools.moves import Road
from vqzip.prior.compiled.library import library


def test_rooms_and_moves_are_counted() -> None:
    road = Road(
        ("cli/encode.py", "codec/codec.py", "codec/tiles.py", "prior/walk.py", "cli/app.py")
    )
    assert [room for room, _ in road.stays] == ["cli", "codec", "prior", "cli"]
    assert (len(road.rooms), len(road.moves)) == (3, 3)
    assert road.moves_up == [("prior", "cli")]


@pytest.mark.slow
def test_a_picture_passes_few_rooms(photograph: Path) -> None:
    if library() is None:
        pytest.skip("counts the rooms of the compiled walk; NumPy's adds one")
    done = subprocess.run(
        [sys.executable, "-m", "tools.moves", str(photograph)],
        check=True, capture_output=True, text=True,
    )  # fmt: skip
    words = done.stdout.splitlines()[-1].split()
    rooms, moves, up = (int(words[place]) for place in (0, 2, 4))
    assert rooms <= 7
    assert moves <= 15
    assert up <= 6
