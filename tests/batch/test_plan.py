"""What a call will do about outputs that exist, other files, and what killed processes left."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from vqzip.batch.copying import copy_file
from vqzip.batch.inputs import Inputs, find_pictures
from vqzip.batch.names import Task
from vqzip.batch.plan import Plan, make_plan
from vqzip.errors import PictureError
from vqzip.files import is_unfinished, remove_abandoned, whole_file


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    """Three pictures and a text."""
    photos = tmp_path / "photos"
    photos.mkdir()
    for name in ("a.jpg", "b.jpg", "c.jpg", "c.txt"):
        (photos / name).write_bytes(name.encode())
    return photos


@pytest.fixture
def out(tmp_path: Path) -> Path:
    """An output folder in which one output exists."""
    out = tmp_path / "out"
    out.mkdir()
    (out / "b.vqz").write_bytes(b"there")
    return out


@pytest.fixture
def inputs(photos: Path) -> Inputs:
    return find_pictures([photos], recursive=True, without=None)


def sources(tasks: tuple[Task, ...]) -> list[str]:
    return [task.source.name for task in tasks]


def test_outputs_that_exist_are_refused_before_any_work(inputs: Inputs, out: Path) -> None:
    with pytest.raises(PictureError, match=r"1 of 3 outputs already exist.*`skip_existing`"):
        make_plan(inputs, ".vqz", folder=out, existing="refuse")


def test_skipping_leaves_only_the_rest(inputs: Inputs, out: Path) -> None:
    plan = make_plan(inputs, ".vqz", folder=out, existing="skip")
    assert (sources(plan.tasks), sources(plan.skipped)) == (["a.jpg", "c.jpg"], ["b.jpg"])


def test_replacing_does_everything(inputs: Inputs, out: Path) -> None:
    plan = make_plan(inputs, ".vqz", folder=out, existing="replace")
    assert sources(plan.tasks) == ["a.jpg", "b.jpg", "c.jpg"]


def test_other_files_are_counted_and_copied_if_asked_for(inputs: Inputs, out: Path) -> None:
    alone = make_plan(inputs, ".vqz", folder=out, existing="skip")
    assert (alone.others, alone.copies) == (1, ())
    plan = make_plan(inputs, ".vqz", folder=out, existing="skip", copy_others=True)
    (copy,) = plan.copies
    assert copy_file(copy, force=False).status == "copied"
    assert (out / "c.txt").read_bytes() == b"c.txt"
    again = make_plan(inputs, ".vqz", folder=out, existing="skip", copy_others=True)
    assert again.copies == ()


def test_a_copy_that_fails_is_an_outcome(tmp_path: Path) -> None:
    outcome = copy_file(Task(tmp_path / "missing", tmp_path / "copy"), force=False)
    assert outcome.status == "failed"
    assert list(tmp_path.iterdir()) == []


def test_preparing_creates_folders_and_removes_what_killed_processes_left(tmp_path: Path) -> None:
    out = tmp_path / "out" / "below"
    plan = Plan((Task(tmp_path / "a.jpg", out / "a.vqz"),))
    plan.prepare()
    code = (
        "import os, pathlib, vqzip.files as files\n"
        f"with files.whole_file(pathlib.Path({str(out / 'a.vqz')!r})) as temporary:\n"
        "    temporary.write_bytes(b'half')\n"
        "    os.kill(os.getpid(), 9)\n"
    )
    if os.name == "posix":
        subprocess.run([sys.executable, "-c", code], check=False)
        (left,) = out.iterdir()
        assert is_unfinished(left)
    with whole_file(out / "b.vqz") as temporary:
        temporary.write_bytes(b"being written")
        plan.prepare()
        assert list(out.iterdir()) == [temporary]


def test_temporary_files_of_other_computers_stay(tmp_path: Path) -> None:
    theirs = tmp_path / ".vqzip-00000000-1-0123456789abcdef.part.vqz"
    theirs.write_bytes(b"half")
    remove_abandoned(tmp_path)
    assert theirs.exists()
