"""`vqzip doctor`: what is missing, where models are, and whether they decode what another machine made."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from vqzip.cli import doctor
from vqzip.cli.app import run
from vqzip.codec.codec import load
from vqzip.codec.self_test import run_self_test, self_test_picture
from vqzip.errors import ModelError

Capture = pytest.CaptureFixture[str]


def test_every_shipped_model_passes(
    capsys: Capture, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("VQZIP_MODELS", str(tmp_path / "mine"))
    assert run(["doctor"]) == 0
    text = capsys.readouterr().out
    for name in ("photo", "photo-psnr", "photo-ssim", "vqvae2"):
        assert f"self-test of {name}: passed, " in text
    assert f"models are searched in: {tmp_path / 'mine'}, " in text


def test_what_is_missing_is_said_with_the_way_to_get_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(doctor, "_version", lambda _: doctor.MISSING)
    found = doctor.optional()
    assert found["pillow-heif (HEIC pictures)"] == 'not installed; pip install "vqzip[heic]"'


def test_a_model_that_decodes_something_else_fails(
    tiny_model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Capture
) -> None:
    model = tmp_path / "wrong"
    shutil.copytree(tiny_model, model)
    shutil.copy(tiny_model / "rgb.vqz", model / "self_test.vqz")
    with pytest.raises(ModelError, match="decodes to another picture"):
        run_self_test(load(model), model)
    monkeypatch.setattr("vqzip.models.places.SHIPPED", ())
    monkeypatch.setenv("VQZIP_MODELS", str(tmp_path))
    assert run(["doctor"]) == 1
    assert "self-test of wrong: the self-test of the model" in capsys.readouterr().out


def test_a_model_without_a_test_is_no_error(tiny_model: Path) -> None:
    assert run_self_test(load(tiny_model), tiny_model) is None


def test_the_known_picture_passes(tiny_model: Path, tmp_path: Path) -> None:
    model = tmp_path / "right"
    shutil.copytree(tiny_model, model)
    codec = load(model)
    (model / "self_test.vqz").write_bytes(codec.encode_picture(self_test_picture(), quality=8).data)
    reached = run_self_test(codec, model)
    assert reached is not None
    assert reached > 18
