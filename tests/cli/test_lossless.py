"""`vqzip encode --lossless`: every sample comes back, and what is said of it."""

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from vqzip import decode
from vqzip.cli.app import run


@pytest.fixture
def noisy(tmp_path: Path) -> Path:
    """A picture with colors under alpha 0."""
    rows, columns = np.mgrid[:40, :52]
    noise = np.random.default_rng(1).normal(0, 3, (40, 52, 3))
    pixels = np.clip(rows[:, :, None] * 4 + noise, 0, 255).astype(np.uint8)
    alpha = np.where(columns < 9, 0, 255).astype(np.uint8)
    path = tmp_path / "noisy.png"
    Image.fromarray(np.dstack([pixels, alpha])).save(path)
    return path


def test_every_sample_comes_back(noisy: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file, back = noisy.with_suffix(".vqz"), noisy.with_name("back.png")
    assert run(["encode", str(noisy), "--lossless", "--verify"]) == 0
    assert "lossless" in capsys.readouterr().err
    assert run(["decode", str(file), "-o", str(back)]) == 0
    with Image.open(noisy) as first, Image.open(back) as second:
        assert np.array_equal(np.asarray(first), np.asarray(second))


def test_info_and_json_say_lossless(noisy: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["encode", str(noisy), "--lossless", "--json"]) == 0
    capsys.readouterr()
    assert run(["info", str(noisy.with_suffix(".vqz"))]) == 0
    assert "lossless" in capsys.readouterr().out
    assert run(["info", str(noisy.with_suffix(".vqz")), "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert (found["lossless"], found["model"]) == (True, "exact")


def test_a_drawing_gets_the_advice_to_keep_its_file(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    drawing = tmp_path / "drawing.png"
    pixels = np.random.default_rng(2).integers(0, 2, (64, 64)).astype(np.uint8) * 255
    Image.fromarray(pixels).convert("1").save(drawing)
    assert run(["encode", str(drawing), "--lossless"]) == 0
    assert "is smaller, so keep it" in capsys.readouterr().err


@pytest.mark.parametrize("more", [["-q", "4"], ["--max-bytes", "9k"], ["--model", "photo"]])
def test_lossless_contradicts_a_quality(
    noisy: Path, more: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["encode", str(noisy), "--lossless", *more]) == 2
    assert "--lossless" in capsys.readouterr().err


def test_what_is_not_kept_fully_is_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    deep = tmp_path / "deep.png"
    Image.fromarray(np.full((9, 9), 40000, np.uint16)).save(deep)
    assert run(["encode", str(deep), "--lossless"]) == 1
    assert "8 bits" in capsys.readouterr().err
    assert not deep.with_suffix(".vqz").exists()


def test_several_pictures(noisy: Path, tmp_path: Path) -> None:
    other = tmp_path / "other.png"
    Image.new("L", (20, 30), 7).save(other)
    assert run(["encode", str(noisy), str(other), "--lossless", "-o", str(tmp_path / "out")]) == 0
    data = (tmp_path / "out" / "other.vqz").read_bytes()
    assert len(data) < 100
    assert np.array_equal(np.asarray(decode(data)), np.full((30, 20), 7))


def test_texts_that_are_not_kept_are_only_a_warning(
    noisy: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with_text, texts = tmp_path / "text.png", PngInfo()
    texts.add_text("Comment", "by hand")
    with Image.open(noisy) as image:
        image.save(with_text, pnginfo=texts)
    assert run(["encode", str(with_text), "--lossless"]) == 0
    assert "text comments" in capsys.readouterr().err
    assert run(["encode", str(with_text), "--lossless", "--strict", "--force"]) == 1
