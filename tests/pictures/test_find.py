"""Pictures below a folder: all that encode reads, through links, without a Mac's shadows."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from PIL import Image

from vqzip.pictures.find import PICTURE_SUFFIXES, is_picture_file, picture_files

NO_PICTURES = {
    # Programs, drawings, films, and data that no plugin of Pillow's decodes.
    *(".eps", ".ps", ".emf", ".wmf", ".mpg", ".mpeg", ".pdf"),
    *(".bufr", ".grib", ".h5", ".hdf"),
    # Formats of fonts, palettes and viewers that no picture is kept in.
    *(".mic", ".fpx", ".dcx", ".iim", ".palm", ".gd", ".wal", ".mpo"),
}


def names(folder: Path) -> list[str]:
    return [path.relative_to(folder).as_posix() for path in picture_files(folder)]


def test_every_suffix_that_pillow_opens_is_found() -> None:
    Image.init()
    opened = {
        suffix for suffix, name in Image.registered_extensions().items() if name in Image.OPEN
    }
    # Our own plugin may be registered by another test.
    assert opened - NO_PICTURES - {".vqz"} <= PICTURE_SUFFIXES
    # Whether or not another test has registered the plugins.
    assert {".heic", ".heics", ".heif", ".heifs", ".hif", ".jxl"} <= PICTURE_SUFFIXES
    assert {".jfif", ".jpe", ".tga"} <= PICTURE_SUFFIXES


def test_shadows_of_a_mac_and_other_files_are_left_out(tmp_path: Path) -> None:
    for name in ("a.PNG", "._a.png", "b.heic", "c.tga", "notes.txt", ".hidden.png", "d.jxl"):
        (tmp_path / name).touch()
    assert names(tmp_path) == [".hidden.png", "a.PNG", "b.heic", "c.tga", "d.jxl"]
    assert not is_picture_file(tmp_path / "._a.png")


def test_links_are_followed_once(tmp_path: Path) -> None:
    far = tmp_path / "far"
    (far / "deep").mkdir(parents=True)
    (far / "deep" / "a.png").touch()
    near = tmp_path / "near"
    near.mkdir()
    (near / "linked").symlink_to(far)
    (near / "again").symlink_to(far / "deep")
    (far / "deep" / "up").symlink_to(near)
    (near / "b.png").symlink_to(far / "deep" / "a.png")
    (near / "gone.png").symlink_to(tmp_path / "nothing")
    assert names(near) == ["again/a.png", "b.png"]


@pytest.mark.skipif(os.name != "posix", reason="names are bytes there")
def test_names_of_any_bytes_are_found(tmp_path: Path) -> None:
    Path(os.fsdecode(os.fsencode(tmp_path) + b"/caf\xe9.png")).touch()
    assert len(picture_files(tmp_path)) == 1
