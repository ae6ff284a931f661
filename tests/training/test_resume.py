"""What a resumed run keeps, compares and refuses."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path

import pytest
from PIL import Image

from tests.training.tiny_recipes import made_pixels, write_recipe
from vqzip.errors import TrainingError, UsageError
from vqzip.training.phases.prior import PriorPhase
from vqzip.training.run import Outcome, Surroundings, run
from vqzip.training.run_folder import Arguments

QUICK = ("phases.vqvae.steps=3", "phases.prior.steps=3")


class Killed(BaseException):
    """Stands for `kill -9`."""


@pytest.fixture
def pictures(tmp_path: Path) -> Path:
    folder = tmp_path / "pictures"
    folder.mkdir()
    for number in range(2):
        Image.fromarray(made_pixels(number, 64, 96)).save(folder / f"p{number}.png")
    return folder


@pytest.fixture
def killed(tmp_path: Path, pictures: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return the folder of a run that was killed in its first step."""

    def die(self: PriorPhase, number: int, remaining: float) -> dict[str, float]:
        raise Killed

    recipe, out = write_recipe(tmp_path, "wavelet"), tmp_path / "out"
    monkeypatch.setattr(PriorPhase, "step", die)
    with pytest.raises(Killed):
        run(str(recipe), data=pictures, out=out)
    return out


def test_a_finished_run_is_not_touched(tmp_path: Path, pictures: Path) -> None:
    """`--resume` with `--valid` forgotten replaced the model, and its files could not be read again."""
    recipe, out = str(write_recipe(tmp_path, "codebook")), tmp_path / "out"
    notes: list[str] = []
    around = Surroundings("cpu", note=notes.append)

    def resumed(*, force: bool) -> Outcome:
        return run(recipe, out=out, resume=True, force=force, around=around)

    first = run(recipe, data=pictures, out=out, valid=pictures, settings=QUICK, around=around)
    before = {path: path.read_bytes() for path in first.model.iterdir()}
    assert resumed(force=False) == first
    assert {path: path.read_bytes() for path in first.model.iterdir()} == before
    assert notes[-1] == f"{out} is finished; `force` exports its model again"
    card = first.model / "CARD.md"
    card.unlink()
    assert resumed(force=True) == first
    assert card.read_bytes() == before[card]
    with pytest.raises(TrainingError, match="already holds a run"):
        run(recipe, data=pictures, out=out)


@pytest.mark.parametrize("key", ["recipe", "data", "valid", "start"])
def test_other_arguments_are_refused(key: str, tmp_path: Path) -> None:
    known = Arguments("photo", "/a", "/b", "/c", None, "2 pictures (0)")
    given = dataclasses.replace(Arguments(), **{key: "/other"})  # type: ignore[arg-type]
    with pytest.raises(
        TrainingError, match=f"was started with `{key}` .*, not with `{key}` /other"
    ):
        known.resumed(given, tmp_path)
    assert known.resumed(Arguments(minutes=3.0), tmp_path).minutes == 3.0


def test_other_pictures_are_refused(killed: Path, pictures: Path) -> None:
    """Another folder, or other pictures in the folder, would make another run."""
    other = pictures.parent / "others"
    other.mkdir()
    Image.fromarray(made_pixels(5, 64, 96)).save(other / "p5.png")
    with pytest.raises(TrainingError, match="was started with `data`"):
        run(None, data=other, out=killed, resume=True)
    Image.fromarray(made_pixels(5, 64, 96)).save(pictures / "p5.png")
    with pytest.raises(TrainingError, match=r"`pictures` 2 pictures .*, not with `pictures` 3"):
        run(None, data=pictures, out=killed, resume=True)


def test_another_recipe_is_refused(killed: Path, pictures: Path) -> None:
    with pytest.raises(TrainingError, match="not with `recipe` vqvae;"):
        run("vqvae", data=pictures, out=killed, resume=True)


def test_a_validation_folder_that_came_later_is_refused(killed: Path, pictures: Path) -> None:
    with pytest.raises(TrainingError, match="was started with no `valid`"):
        run(None, data=pictures, valid=pictures, out=killed, resume=True)


def test_a_resumed_run_needs_nothing_but_its_folder(killed: Path) -> None:
    with pytest.raises(Killed):
        run(None, out=killed, resume=True)
    known = json.loads((killed / "arguments.json").read_text())
    assert known["data"].endswith("pictures")


def test_a_run_of_an_earlier_version_can_be_resumed(killed: Path, pictures: Path) -> None:
    (killed / "arguments.json").write_text('{"minutes": null, "start": null}')
    with pytest.raises(Killed):
        run("vqvae", data=pictures, out=killed, resume=True)


def test_a_new_run_needs_a_recipe_and_data(tmp_path: Path) -> None:
    for recipe, data in (("photo", None), (None, "/pictures")):
        with pytest.raises(UsageError, match="needs `recipe` and `data`"):
            run(recipe, data=data, out=tmp_path / "out")
