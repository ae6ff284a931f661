"""Files that are whole or not there, whatever happens while they are written."""

from __future__ import annotations

import errno
import os
from pathlib import Path
from typing import NoReturn

import pytest

from vqzip.files import whole_file, whole_folder, write_whole

STOPS = [OSError(errno.ENOSPC, "No space left on device"), KeyboardInterrupt(), SystemExit(143)]


def stop(error: BaseException) -> NoReturn:
    raise error


def test_a_file_gets_its_name_when_it_is_whole(tmp_path: Path) -> None:
    path = tmp_path / "out.png"
    with whole_file(path) as temporary:
        temporary.write_bytes(b"data")
        assert temporary.parent == tmp_path
        assert temporary.suffix == ".png"
        assert not path.exists()
    assert path.read_bytes() == b"data"
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("error", STOPS, ids=lambda error: type(error).__name__)
@pytest.mark.parametrize("when", ["while it is written", "while it goes to the disk"])
@pytest.mark.parametrize("before", [None, b"before"])
def test_what_was_there_stays(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    error: BaseException,
    when: str,
    before: bytes | None,
) -> None:
    path = tmp_path / "out"
    if before is not None:
        path.write_bytes(before)

    def write() -> None:
        with whole_file(path) as temporary:
            temporary.write_bytes(b"half")
            if when == "while it is written":
                stop(error)

    if when == "while it goes to the disk":
        monkeypatch.setattr(os, "fsync", lambda _: stop(error))
    with pytest.raises(type(error)):
        write()
    assert [(p, p.read_bytes()) for p in tmp_path.iterdir()] == (
        [] if before is None else [(path, before)]
    )


@pytest.mark.parametrize("links", [True, False])
def test_a_file_that_appears_meanwhile_is_not_replaced(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, links: bool
) -> None:
    def no_links(*_: object) -> None:
        raise OSError(errno.EPERM, "Operation not permitted")

    if not links:
        monkeypatch.setattr(os, "link", no_links)
    path = tmp_path / "out"

    def write() -> None:
        with whole_file(path, replace=False) as temporary:
            temporary.write_bytes(b"mine")
            path.write_bytes(b"another's")

    with pytest.raises(FileExistsError):
        write()
    assert path.read_bytes() == b"another's"
    assert list(tmp_path.iterdir()) == [path]
    path.unlink()
    write_whole(path, b"mine", replace=False)
    assert path.read_bytes() == b"mine"
    assert list(tmp_path.iterdir()) == [path]


def test_what_was_written_is_checked_before_it_takes_its_name(tmp_path: Path) -> None:
    path = tmp_path / "out"
    seen = []

    def refuse(written: bytes) -> None:
        seen.append((written, path.exists()))
        raise RuntimeError("refused")

    with pytest.raises(RuntimeError, match="refused"):
        write_whole(path, b"data", check=refuse)
    assert seen == [(b"data", False)]
    assert list(tmp_path.iterdir()) == []
    write_whole(path, b"data", check=lambda written: seen.append((written, path.exists())))
    assert path.read_bytes() == b"data"


@pytest.mark.parametrize("error", STOPS, ids=lambda error: type(error).__name__)
def test_a_folder_is_replaced_by_a_whole_one_alone(tmp_path: Path, error: BaseException) -> None:
    path = tmp_path / "model"

    def fill(content: str) -> None:
        with whole_folder(path) as temporary:
            temporary.mkdir()
            (temporary / "file").write_text(content)
            if content == "third":
                stop(error)

    fill("first")
    fill("second")
    with pytest.raises(type(error)):
        fill("third")
    assert (path / "file").read_text() == "second"
    assert list(tmp_path.iterdir()) == [path]
