"""Which files a call names."""

from __future__ import annotations

from pathlib import Path

import pytest

from vqzip.batch.inputs import Inputs, find_pictures
from vqzip.errors import UsageError


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """A tree with pictures, other files, and links that lead nowhere and back up."""
    tree = tmp_path / "photos"
    for name in ("b.jpg", "a.PNG", "day/c.webp", "notes.txt", "._a.PNG", "out/old.jpg"):
        (tree / name).parent.mkdir(parents=True, exist_ok=True)
        (tree / name).write_bytes(b"x")
    (tree / ".vqzip-00000000-1-0000000000000000.part.vqz").write_bytes(b"half")
    (tree / "gone.jpg").symlink_to(tree / "nowhere.jpg")
    (tree / "day" / "up").symlink_to(tree)
    return tree


def inside(inputs: Inputs) -> list[str]:
    return [found.inside.as_posix() for found in inputs.wanted]


def test_a_folder_is_searched_in_a_stable_order(tree: Path) -> None:
    inputs = find_pictures([tree], recursive=True, without=tree / "out")
    assert inside(inputs) == ["a.PNG", "b.jpg", "day/c.webp"]
    assert [found.inside.as_posix() for found in inputs.others] == ["._a.PNG", "notes.txt"]


def test_several_folders_keep_their_names_and_equal_names_are_numbered(
    tree: Path, tmp_path: Path
) -> None:
    other = tmp_path / "backup" / "photos"
    other.mkdir(parents=True)
    (other / "z.jpg").write_bytes(b"x")
    inputs = find_pictures([tree / "day", tree, other], recursive=True, without=None)
    assert inside(inputs)[0] == "day/c.webp"
    assert inside(inputs)[-1] == "photos-2/z.jpg"


def test_a_file_that_is_named_twice_is_one(tree: Path) -> None:
    inputs = find_pictures([tree / "b.jpg", tree / "b.jpg"], recursive=False, without=None)
    assert inside(inputs) == ["b.jpg"]


def test_a_named_file_is_wanted_whatever_it_is(tree: Path) -> None:
    named = [tree / "notes.txt", tree / "missing.jpg"]
    assert inside(find_pictures(named, recursive=False, without=None)) == [
        "notes.txt",
        "missing.jpg",
    ]


def test_a_folder_needs_recursive(tree: Path) -> None:
    with pytest.raises(UsageError, match="is a folder; add --recursive"):
        find_pictures([tree], recursive=False, without=None)
