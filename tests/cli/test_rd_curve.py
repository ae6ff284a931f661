import csv
import json
import shlex
import sys
from pathlib import Path

import pytest
from PIL import Image

from vqzip.cli.app import run

Capture = pytest.CaptureFixture[str]


@pytest.mark.slow
def test_a_curve_with_all_its_files(
    photograph: Path, tiny_model: Path, tmp_path: Path, capsys: Capture
) -> None:
    arguments = ["rd-curve", str(photograph), "--model", str(tiny_model), "-q", "2,3,6"]
    assert run([*arguments, "--anchors", "jpeg,webp", "--out", str(tmp_path)]) == 0
    printed = capsys.readouterr()
    for word in ("bpp", "bits/dim", "PSNR", "MS-SSIM", "BD-rate", "JPEG 4:2:0", "WebP"):
        assert word in printed.out
    for title in ("Pictures on which a model is smaller", "Best and worst", "Quality scale"):
        assert title in printed.out
    assert "\x1b[" not in printed.out
    assert {path.name for path in tmp_path.iterdir()} == {
        "results.json",
        "points.csv",
        "tables.md",
        "index.html",
        *(f"{metric}.{suffix}" for metric in ("psnr", "ms_ssim") for suffix in ("png", "svg")),
    }
    results = json.loads((tmp_path / "results.json").read_text())
    assert results["command"][0] == "vqzip"
    assert len(results["codecs"]) == 3
    with (tmp_path / "points.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == 3 + 10 + 10
    assert run([*arguments, "--out", str(tmp_path)]) == 1
    assert "--force" in capsys.readouterr().err


@pytest.mark.slow
def test_a_command_line_beside_the_default_anchors(
    photograph: Path, tiny_model: Path, tmp_path: Path, capsys: Capture
) -> None:
    script = tmp_path / "toy.py"
    script.write_text(
        "import sys; from PIL import Image; Image.open(sys.argv[1]).save(sys.argv[2], sys.argv[3])"
    )
    program = f"{shlex.quote(sys.executable)} {shlex.quote(str(script))}"
    anchor = f"toy: {program} {{in}} {{out}} WEBP | {program} {{in}} {{out}} PNG"
    arguments = ["rd-curve", str(photograph), "--model", str(tiny_model), "-q", "2,6"]
    assert run([*arguments, "--anchor", anchor, "--metrics", "ms-ssim"]) == 0
    printed = capsys.readouterr().out
    assert "toy" in printed
    assert "JPEG 4:2:0" in printed
    assert "PSNR" not in printed


@pytest.mark.slow
def test_results_are_written_before_a_reader_of_the_tables_leaves(
    photograph: Path, tiny_model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As in `vqzip rd-curve ... | head`."""

    def leave(_table: object) -> None:
        raise BrokenPipeError

    monkeypatch.setattr("vqzip.cli.rd_curve._print_table", leave)
    common = ["rd-curve", str(photograph), "--model", str(tiny_model), "-q", "4"]
    assert run([*common, "--anchors", "", "--out", str(tmp_path / "curve")]) == 1
    assert json.loads((tmp_path / "curve" / "results.json").read_text())["codecs"]
    assert (tmp_path / "curve" / "index.html").stat().st_size > 50_000
    data = str(photograph.parent)
    assert run([*common, "--nll", "--train-data", data, "--out", str(tmp_path / "nll")]) == 1
    assert json.loads((tmp_path / "nll" / "nll.json").read_text())["results"]


@pytest.mark.slow
def test_likelihoods_without_a_number_are_strict_json(
    tiny_model: Path, tmp_path: Path, capsys: Capture
) -> None:
    """A picture without a whole context tile has no likelihood of the float prior."""
    small = tmp_path / "small"
    small.mkdir()
    Image.new("RGB", (40, 30), (200, 90, 10)).save(small / "a.png")
    arguments = ["rd-curve", str(small), "--model", str(tiny_model), "--nll"]
    assert run([*arguments, "--train-data", str(small), "--out", str(tmp_path / "out")]) == 0

    def refuse(name: str) -> float:
        raise AssertionError(name)

    text = (tmp_path / "out" / "nll.json").read_text()
    assert json.loads(text, parse_constant=refuse)["results"]
    assert "null" in text


@pytest.mark.slow
def test_the_likelihood_table(
    photograph: Path, tiny_model: Path, tmp_path: Path, capsys: Capture
) -> None:
    folder = str(photograph.parent)
    arguments = ["rd-curve", folder, "--model", str(tiny_model), "--nll", "--train-data", folder]
    assert run([*arguments, "--out", str(tmp_path)]) == 0
    assert "NLL" in capsys.readouterr().out
    (result,) = json.loads((tmp_path / "nll.json").read_text())["results"]
    assert result["train"] == result["valid"]


def test_a_folder_without_pictures(tmp_path: Path, tiny_model: Path, capsys: Capture) -> None:
    assert run(["rd-curve", str(tmp_path), "--model", str(tiny_model)]) in (1, 2)
    captured = capsys.readouterr()
    assert captured.err.count("\n") == 1
    assert str(tmp_path) in captured.err


@pytest.mark.parametrize(
    ("options", "word"),
    [
        (["--anchors", "jpeg,gif"], "gif"),
        (["--anchor", "gif: encode {in} {out}"], "has the form"),
        (["--metrics", "psnr,vmaf"], "vmaf"),
        (["-q", "1,two"], "--quality"),
        (["-q", "1.1"], "1/8"),
        (["--nll"], "--train-data"),
        (["--train-data", "."], "--nll"),
        (["--valid-data", "."], "--nll"),
    ],
)
def test_wrong_usage(
    photograph: Path, tiny_model: Path, capsys: Capture, options: list[str], word: str
) -> None:
    assert run(["rd-curve", str(photograph), "--model", str(tiny_model), *options]) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err.count("\n") == 1
    assert word in captured.err
