"""The tree of the bench: a small one, killed on the way, comes back."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from tools.bench import folders


@pytest.mark.slow
def test_a_tree_that_is_killed_on_the_way_comes_back(
    photograph: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr(folders, "MEGAPIXELS", (0.02,))
    (tmp_path / "sources").mkdir()
    shutil.copy(photograph, tmp_path / "sources")
    folders.check_tree(tmp_path / "sources", 30, tmp_path)
    assert "29 pictures came back, each at its place and in its size" in capsys.readouterr().out
