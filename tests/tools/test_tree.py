"""CONTRIBUTING.md shows the tree as it is."""

from __future__ import annotations

from tools import tree as script


def test_the_tree_of_the_page_is_the_tree_of_the_code() -> None:
    assert script.PAGE.read_text(encoding="utf-8") == script.page(), "run python -m tools.tree"


def test_the_folders_without_a_docstring_exist() -> None:
    assert [path for path, _ in script.OTHERS if not (script.ROOT / path).is_dir()] == []
