"""The script that measures what each effort brings, on a tiny model."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

import pytest

from tests.measuring.made_pictures import write_folder
from tools.figures import efforts as script

BEFORE = "# Results\n\n<!-- efforts: begin -->\n"
AFTER = "<!-- efforts: end -->\n\nBy hand.\n"


@pytest.mark.slow
def test_every_effort_has_a_row_against_the_default(
    tiny_model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shutil.copytree(tiny_model, tmp_path / "models" / "mine")
    page = tmp_path / "docs" / "results" / "tables.md"
    page.parent.mkdir(parents=True)
    page.write_text(BEFORE + AFTER)
    pictures = write_folder(tmp_path / "pictures", 2, 168, 168)
    options = [str(pictures), "--every", "2", "--model", "mine"]
    monkeypatch.setattr(script, "ROOT", tmp_path)
    monkeypatch.setattr(sys, "argv", ["efforts.py", *options])
    script.main()
    text = page.read_text()
    assert text.startswith(BEFORE)
    assert text.endswith(AFTER)
    assert "against the default, 1 pictures" in text
    rows = [line.strip("| ").split(" | ") for line in text.splitlines() if line.startswith("| ")]
    assert [row[0] for row in rows[1:]] == list(script.EFFORTS.values())
    nearest, default, *_ = rows[1:]
    assert default[1:] == ["+0.0", "+0.00", "+0.00"]
    assert float(nearest[1]) > 0
