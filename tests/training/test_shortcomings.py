"""What a weak model lacks is found, in its card, and in the exit status."""

from __future__ import annotations

from pathlib import Path

import pytest
from PIL import Image

from tests.training.tiny_recipes import made_pixels, tiny_recipe, write_recipe
from vqzip.cli.app import run as run_command
from vqzip.cli.train import WEAK
from vqzip.training.calibrate import CurvePoint
from vqzip.training.shortcomings import read_shortcomings, shortcomings

STARTED = {"level0_perplexity": 6.0, "level1_perplexity": 6.0}


def row(phase: str, step: int, **metrics: float) -> dict[str, object]:
    return {"phase": phase, "step": step, **metrics}


def curve(lowest: float, highest: float) -> list[CurvePoint]:
    return [CurvePoint(1.0, lowest, 20.0, None), CurvePoint(8.0, highest, 40.0, None)]


def test_a_good_run_lacks_nothing(tmp_path: Path) -> None:
    rows = [row("vqvae", 400, **STARTED), row("prior", 100)]
    assert shortcomings(tiny_recipe(tmp_path, "codebook"), rows, []) == []
    fitted = curve(0.09, 0.95)
    assert shortcomings(tiny_recipe(tmp_path, "wavelet"), [row("prior", 100)], fitted) == []


def test_a_run_that_was_too_short_says_so(tmp_path: Path) -> None:
    rows = [row("vqvae", 99, **STARTED), row("prior", 100)]
    (found,) = shortcomings(tiny_recipe(tmp_path, "codebook"), rows, [])
    assert found.startswith("Phase vqvae took 99 steps")


def test_codebooks_that_never_started_are_named(tmp_path: Path) -> None:
    found = shortcomings(tiny_recipe(tmp_path, "codebook"), [row("vqvae", 1)], [])
    assert any(sentence.startswith("The codebooks never started") for sentence in found)


def test_a_collapsed_codebook_is_named(tmp_path: Path) -> None:
    rows = [row("vqvae", 400, level0_perplexity=6.0, level1_perplexity=1.1)]
    (found,) = shortcomings(tiny_recipe(tmp_path, "codebook"), rows, [])
    assert found.startswith("The codebook of level 1 has collapsed: 1.1 of 8 codewords")


@pytest.mark.parametrize(("lowest", "highest"), [(0.08, 4.9), (0.5, 1.0), (0.05, 1.0)])
def test_a_scale_that_could_not_be_fitted_is_named(
    tmp_path: Path, lowest: float, highest: float
) -> None:
    """`photo` on small pictures missed its scale by 4 bpp in silence."""
    (found,) = shortcomings(tiny_recipe(tmp_path, "wavelet"), [], curve(lowest, highest))
    assert found.startswith("The quality scale could not be fitted: quality")
    assert ("quality 8 takes 4.90 instead of 1 bpp" in found) == (highest > 2)


def test_a_weak_model_ends_with_a_status_and_says_why(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    pictures, out = tmp_path / "pictures", tmp_path / "out"
    pictures.mkdir()
    for number in range(3):
        Image.fromarray(made_pixels(number, 32, 32)).save(pictures / f"{number}.png")
    command = ["train", str(write_recipe(tmp_path, "codebook")), "--data", str(pictures)]
    command += ["--out", str(out), "--device", "cpu"]
    command += ["--set", "phases.vqvae.steps=2", "--set", "phases.prior.steps=2"]
    assert run_command(command) == WEAK
    printed = capsys.readouterr().err
    sentences = read_shortcomings(out / "model")
    assert len(sentences) >= 2
    for sentence in sentences:
        assert f"warning: {sentence}\n" in printed
        assert f"* {sentence}\n" in (out / "model" / "CARD.md").read_text()
    # Without a terminal there is a plain line for every phase, and one for the export at its end.
    lines = [line for line in printed.splitlines() if " left" in line]
    assert [line.split()[0] for line in lines][-1] == "export"
    assert {"vqvae", "prior", "export"} <= {line.split()[0] for line in lines}
    assert all(len(line) <= 80 for line in lines)
    for name in ("index.html", "validation.jsonl", "looks"):
        assert (out / name).exists()
    assert "Finished." in (out / "index.html").read_text()
