"""`vqzip decode --reduction`: thumbnails from the coarse levels."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import vqzip
from vqzip.cli.app import run


def test_thumbnails_of_a_folder(
    tiny_model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("VQZIP_MODELS", str(tiny_model.parent))
    file = (tiny_model / "rgb.vqz").read_bytes()
    (tmp_path / "files").mkdir()
    (tmp_path / "files" / "a.vqz").write_bytes(file)
    out = tmp_path / "thumbnails"
    assert run(["decode", str(tmp_path / "files"), "-r", "-o", str(out), "--reduction", "4"]) == 0
    with Image.open(out / "a.png") as image:
        assert np.array_equal(np.asarray(image), np.asarray(vqzip.decode(file, reduction=4)))


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--reduction", "3"], "reduction must be 1, 2, 4"),
        (["--reduction", "8", "--region", "0,0,8,8"], "--reduction works without --region"),
    ],
)
def test_what_cannot_be(
    options: list[str], said: str, tiny_model: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["decode", str(tiny_model / "rgb.vqz"), "-o", "x.png", *options]) == 2
    assert said in capsys.readouterr().err
