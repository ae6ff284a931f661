"""What docs/extend.md shows works as it is written."""

from __future__ import annotations

import json
import re
import shutil
import sys
from pathlib import Path

import pytest

from tests.test_docs import vqzip_commands
from vqzip.cli.app import run

PAGE = Path(__file__).parent.parent / "docs" / "extend.md"


def python_blocks() -> dict[str, str]:
    """Return the blocks of Python by title; the ones without a title are one after another."""
    blocks: dict[str, str] = {}
    text = PAGE.read_text(encoding="utf-8")
    for title, code in re.findall(r'^```python(?: title="(.*?)")?\n(.*?)^```$', text, re.M | re.S):
        blocks[title] = blocks.get(title, "") + code
    return blocks


@pytest.fixture
def folder(tmp_path: Path, photograph: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder with a photograph to measure on."""
    (tmp_path / "photographs").mkdir()
    shutil.copy(photograph, tmp_path / "photographs")
    monkeypatch.chdir(tmp_path)
    # The page's `python` is the one that runs the tests.
    monkeypatch.setenv("PATH", str(Path(sys.executable).parent), prepend=":")
    return tmp_path


@pytest.mark.slow
def test_a_command_line_is_measured_beside_a_model(
    folder: Path,
) -> None:
    (folder / "toy.py").write_text(python_blocks()["toy.py"])
    (arguments,) = vqzip_commands(PAGE)
    assert run(arguments) == 0
    results = json.loads((folder / "curve" / "results.json").read_text())
    (points,) = [codec["points"] for codec in results["codecs"] if codec["label"] == "toy"]
    assert [point["setting"] for point in points] == [64, 32, 16, 8]
    rates = [p["rate_bpp"] for p in points]
    assert rates == sorted(rates)


def test_an_object_is_measured(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    exec(python_blocks()[""], {"__name__": "page"})  # noqa: S102
    lines = capsys.readouterr().out.splitlines()
    rates = [float(re.search(r": ([\d.]+) bpp", line)[1]) for line in lines]  # type: ignore[index]
    assert len(rates) == 4
    assert rates == sorted(rates)
