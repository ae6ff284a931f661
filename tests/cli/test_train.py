from pathlib import Path

import pytest

from vqzip.cli.app import run
from vqzip.training.recipe.read import RECIPES, load_recipe, recipe_names

Capture = pytest.CaptureFixture[str]


def assert_refused(arguments: list[str], capsys: Capture, *words: str) -> None:
    capsys.readouterr()
    assert run(arguments) == 1
    captured = capsys.readouterr()
    assert captured.err.startswith("vqzip: ")
    assert captured.err.count("\n") == 1, captured.err
    assert "unexpected" not in captured.err
    for word in words:
        assert word in captured.err


def train(data: Path, out: Path, *options: str, recipe: str = "photo-psnr") -> list[str]:
    return ["train", recipe, "--data", str(data), "--out", str(out), *options]


def test_the_recipes_of_the_readme_are_there() -> None:
    assert {"photo", "vqvae", "vqvae2", "vqvae2-3level"} <= set(recipe_names())


@pytest.mark.parametrize("path", sorted(RECIPES.glob("*.toml")), ids=lambda path: path.stem)
def test_every_recipe_parses(path: Path) -> None:
    assert load_recipe(path.stem).name == path.stem
    assert load_recipe(str(path), ["seed=7"]).seed == 7


def test_a_folder_without_pictures(tmp_path: Path, capsys: Capture) -> None:
    empty, out = tmp_path / "empty", tmp_path / "out"
    empty.mkdir()
    assert_refused(train(empty, out), capsys, str(empty))
    assert_refused(train(tmp_path / "nowhere", out), capsys, "nowhere")
    assert not out.exists()


@pytest.mark.parametrize(
    ("setting", "word"),
    [
        ("no_such_key=1", "no_such_key"),
        ("phases.prior.no_such_key=1", "no_such_key"),
        ("phases.prior.batch=many", "batch"),
        ("seed", "key=value"),
    ],
)
def test_an_unknown_recipe_key(
    photograph: Path, tmp_path: Path, capsys: Capture, setting: str, word: str
) -> None:
    assert_refused(train(photograph.parent, tmp_path / "out", "--set", setting), capsys, word)
    assert not (tmp_path / "out").exists()


def test_a_recipe_that_is_not_there_or_no_toml(
    photograph: Path, tmp_path: Path, capsys: Capture
) -> None:
    out = tmp_path / "out"
    assert_refused(train(photograph.parent, out, recipe="nobody"), capsys, "nobody")
    broken = tmp_path / "broken.toml"
    broken.write_text("[[[")
    assert_refused(train(photograph.parent, out, recipe=str(broken)), capsys, "broken.toml")
    assert not out.exists()


def test_a_device_that_is_not_there(photograph: Path, tmp_path: Path, capsys: Capture) -> None:
    out = tmp_path / "out"
    assert_refused(train(photograph.parent, out, "--device", "cuda:9"), capsys, "cuda:9")


def test_nothing_to_resume(photograph: Path, tmp_path: Path, capsys: Capture) -> None:
    assert_refused(train(photograph.parent, tmp_path / "out", "--resume"), capsys, "--resume")
