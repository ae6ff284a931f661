"""tools/figures/odd.py counts what becomes of files, and finds what should not; its page is complete."""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tests.pictures.made_pictures import encoded, gradient, icc_profile, ramp
from tests.pictures.test_not_kept import LOSSES
from tools.figures import odd as script
from vqzip.codec.codec import Codec
from vqzip.pictures.picture import Metadata, Picture

PAGE = Path(__file__).parents[3] / "docs" / "promises" / "pictures_kept.md"
RGB = Image.fromarray(gradient())


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Five files of five outcomes, one of them with a warning, and an index."""
    folder = tmp_path / "odd"
    (folder / "below").mkdir(parents=True)
    (folder / "rgb.png").write_bytes(encoded(RGB))
    (folder / "below" / "gray.png").write_bytes(encoded(Image.fromarray(ramp())))
    (folder / "alpha.png").write_bytes(encoded(Image.fromarray(np.dstack([gradient(), ramp()]))))
    (folder / "cmyk.tif").write_bytes(encoded(RGB.convert("CMYK"), "TIFF"))
    (folder / "broken.png").write_bytes(encoded(RGB)[:60])
    rows = ["rgb.png,ok,RGB", "below/gray.png,ok,L", "cmyk.tif,ok,CMYK", "broken.png,OSError,"]
    (folder / "FILES.csv").write_text("\n".join(["file,pillow_13_load,mode", *rows]))
    return folder


def run(monkeypatch: pytest.MonkeyPatch, *arguments: object) -> int:
    monkeypatch.setattr(sys, "argv", ["odd.py", *map(str, arguments)])
    try:
        script.main()
    except SystemExit as left:
        return int(left.code) if isinstance(left.code, int) else 2
    return 0


def test_outcomes_are_counted(
    folder: Path,
    tiny_model: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    page = tmp_path / "page.md"
    page.write_text(f"before\n{script.BEGIN}old\n{script.END}after\n")
    assert run(monkeypatch, folder, "--model", tiny_model, "--page", page) == 0
    printed = capsys.readouterr().out
    for row in (
        "| comes back as RGB | 2 |",
        "| comes back as RGB with alpha | 1 |",
        "| comes back as gray | 1 |",
        f"| refused: {script.DAMAGED} | 1 |",
        "| all | 5 |",
        "| of those that come back, with a warning: 1 | files |",
        "| CMYK colors | 1 |",
    ):
        assert row in printed
        assert row in page.read_text()
    assert page.read_text().startswith(f"before\n{script.BEGIN}\n| outcome | files |")
    assert page.read_text().endswith(f"{script.END}after\n")
    assert "old" not in page.read_text()


@pytest.mark.parametrize(
    ("row", "fault"),
    [("broken.png,ok,RGB", "Pillow loads it"), ("rgb.png,ok,L", "L became RGB")],
)
def test_what_the_index_does_not_expect_is_a_fault(
    folder: Path,
    tiny_model: Path,
    row: str,
    fault: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    (folder / "FILES.csv").write_text(f"file,pillow_13_load,mode\n{row}\n")
    assert run(monkeypatch, folder, "--model", tiny_model) == 1
    assert f"{row.partition(',')[0]}: {fault}" in capsys.readouterr().out


def test_a_crash_is_a_fault(
    folder: Path,
    tiny_model: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    def crash(*_: object, **__: object) -> None:
        raise IndexError("out of range")

    monkeypatch.setattr(Codec, "encode_picture", crash)
    assert run(monkeypatch, folder, "--model", tiny_model) == 1
    assert "rgb.png: IndexError: out of range" in capsys.readouterr().out


def test_every_difference_is_seen() -> None:
    picture = Picture(gradient(), ramp(), Metadata(icc=icc_profile()))
    assert script.difference(picture, replace(picture)) is None
    for changed in (
        Picture(gradient()[:, 1:].copy(), None, picture.metadata),
        Picture(ramp(), ramp(), picture.metadata),
        replace(picture, alpha=None),
        replace(picture, alpha=255 - ramp()),
        replace(picture, metadata=Metadata()),
    ):
        assert script.difference(picture, changed) is not None


def test_the_page_has_every_sentence_and_every_loss() -> None:
    page = PAGE.read_text(encoding="utf-8")
    for sentence in script.SENTENCES:
        assert sentence in page
    named = {loss for _, loss in LOSSES.values()} - {"an ICC profile for GRAY on RGB pixels"}
    for loss in named:
        assert f"`{loss}`" in page
