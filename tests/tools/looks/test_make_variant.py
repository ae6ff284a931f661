"""Model folders with the steps that were found."""

import json
import sys
from pathlib import Path

import numpy as np
import pytest

from tests.measuring.made_pictures import hills
from tools.looks import make_variant as script
from tools.looks.variants import EQUAL, with_steps
from vqzip.codec.codec import load
from vqzip.pictures.picture import Picture

STEPS = (0.5, 0.8, 1.2, 2.0, 1.0, 1.2, 1.5, 1.8)


def run(monkeypatch: pytest.MonkeyPatch, *options: str) -> None:
    monkeypatch.setattr(sys, "argv", ["make_variant.py", *options])
    script.main()


def test_the_folder_is_a_model_with_these_steps(
    tiny_model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fits = [{"quality": 3.0, "steps": STEPS}, {"quality": 6.0, "steps": EQUAL}]
    (tmp_path / "steps.json").write_text(json.dumps({"fits": fits}))
    folder = tmp_path / "looks"
    run(monkeypatch, str(tmp_path / "steps.json"), str(folder), "--model", str(tiny_model))
    codec, picture = load(folder), Picture(hills(48, 64))
    assert codec.model.name == "looks"
    expected = with_steps(load(tiny_model), {3.0: STEPS, 6.0: EQUAL})
    file = codec.encode_picture(picture, quality=3.0, verify=True)
    assert file.codes.equals(expected.encode_picture(picture, quality=3.0).codes)
    assert not file.codes.equals(load(tiny_model).encode_picture(picture, quality=3.0).codes)
    decoded = codec.decode_picture(file.data).pixels
    assert np.abs(decoded.astype(int) - picture.pixels).mean() < 40


@pytest.mark.parametrize("text", ["", "{}", '{"fits": [{"quality": 1}]}'])
def test_other_files_are_refused(
    tiny_model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, text: str
) -> None:
    (tmp_path / "steps.json").write_text(text)
    with pytest.raises(SystemExit, match="does not hold steps"):
        run(monkeypatch, str(tmp_path / "steps.json"), str(tmp_path / "looks"))
    assert not (tmp_path / "looks").exists()
