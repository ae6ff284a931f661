import json
import shutil
from pathlib import Path

import pytest

from vqzip.cli.app import run

Capture = pytest.CaptureFixture[str]


@pytest.fixture
def file(tiny_model: Path) -> Path:
    return tiny_model / "rgb.vqz"


def test_json_counts_every_byte(file: Path, capsys: Capture) -> None:
    assert run(["info", str(file), "--json"]) == 0
    facts = json.loads(capsys.readouterr().out)
    size = file.stat().st_size
    assert facts["file_bytes"] == size
    assert facts["width"] > 0
    assert facts["height"] > 0
    pixels = facts["width"] * facts["height"]
    assert facts["rate_bpp"] == pytest.approx(8 * size / pixels)
    channels = 1 if facts["mode"] == "gray" else 3
    assert facts["bits_per_dim"] == pytest.approx(8 * size / (pixels * channels))
    assert 1 <= facts["quality"] <= 8
    assert len(bytes.fromhex(facts["model_id"])) == 8
    parts = sum(facts["stream_bytes"]) + sum(facts["section_bytes"].values())
    assert parts + facts["overhead_bytes"] == size


def test_the_table_says_the_same(file: Path, capsys: Capture) -> None:
    assert run(["info", str(file), "--json"]) == 0
    facts = json.loads(capsys.readouterr().out)
    assert run(["info", str(file)]) == 0
    text = capsys.readouterr().out
    for word in (
        f"{facts['width']} x {facts['height']}",
        facts["model_id"],
        facts["mode"],
        "stream 0",
    ):
        assert word in text


@pytest.mark.parametrize("damage", [b"{", b"", b"\xff"])
def test_a_damaged_model_is_no_reason_to_tell_nothing(
    file: Path, tmp_path: Path, tiny_model: Path, capsys: Capture,
    monkeypatch: pytest.MonkeyPatch, damage: bytes,
) -> None:  # fmt: skip
    monkeypatch.setenv("VQZIP_MODELS", str(tmp_path))
    shutil.copytree(tiny_model, tmp_path / "whole")
    shutil.copytree(tiny_model, tmp_path / "damaged")
    (tmp_path / "damaged" / "config.json").write_bytes(damage)
    assert run(["info", str(file), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["model"] == "whole"
    shutil.rmtree(tmp_path / "whole")
    assert run(["info", str(file), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["model"] is None


def test_what_is_no_vqz_file_is_refused(tmp_path: Path, capsys: Capture) -> None:
    alien = tmp_path / "alien.vqz"
    alien.write_bytes(b"GIF89a and so on")
    assert run(["info", str(alien)]) == 1
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err.count("\n") == 1
