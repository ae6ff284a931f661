from pathlib import Path

import pytest
from PIL import Image

from vqzip.cli.app import run


def draw(output: Path, model: Path, *options: str) -> None:
    arguments = ["sample", "--model", str(model), "--count", "3", "--size", "48"]
    assert run([*arguments, "-o", str(output), *options]) == 0


def test_a_grid_of_samples(tiny_model: Path, tmp_path: Path) -> None:
    draw(tmp_path / "grid.png", tiny_model)
    with Image.open(tmp_path / "grid.png") as image:
        assert image.size == (98, 98)


def test_the_seed_decides(tiny_model: Path, tmp_path: Path) -> None:
    for name, seed in (("a", "1"), ("b", "1"), ("c", "2")):
        draw(tmp_path / f"{name}.png", tiny_model, "--seed", seed)
    a, b, c = ((tmp_path / f"{name}.png").read_bytes() for name in "abc")
    assert a == b
    assert a != c


def test_samples_do_not_replace_a_file(
    tiny_model: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    output = tmp_path / "grid.png"
    output.write_bytes(b"precious")
    assert run(["sample", "--model", str(tiny_model), "-o", str(output)]) == 1
    assert "--force" in capsys.readouterr().err
    assert output.read_bytes() == b"precious"
