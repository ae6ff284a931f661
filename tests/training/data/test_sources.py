"""Sources of pictures: folders with classes, shards, Python objects; and batches cut by workers."""

from __future__ import annotations

import io
import sys
import tarfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from tests.training.tiny_recipes import made_pixels
from vqzip.errors import PictureError, TrainingError
from vqzip.training.data.crops import CropSource, Window
from vqzip.training.data.data_sets import Items, pixels_of
from vqzip.training.data.loader import Loader
from vqzip.training.data.pictures import open_pictures
from vqzip.training.recipe.config import DataConfig


def png(number: int) -> bytes:
    file = io.BytesIO()
    Image.fromarray(made_pixels(number, 24, 20)).save(file, "PNG")
    return file.getvalue()


def test_folders_are_classes(tmp_path: Path) -> None:
    for number, kind in enumerate(("cat", "dog")):
        (tmp_path / kind).mkdir()
        (tmp_path / kind / "a.png").write_bytes(png(number))
    (tmp_path / "loose.png").write_bytes(png(2))
    found = open_pictures(tmp_path)
    assert [found.label(number) for number in range(3)] == ["cat", "dog", None]


def test_links_are_followed(tmp_path: Path) -> None:
    (tmp_path / "far").mkdir()
    (tmp_path / "far" / "a.png").write_bytes(png(0))
    (tmp_path / "near").mkdir()
    (tmp_path / "near" / "link").symlink_to(tmp_path / "far")
    assert len(open_pictures(tmp_path / "near")) == 1


def test_shards_are_read_by_number(tmp_path: Path) -> None:
    pytest.importorskip("webdataset")
    for shard in range(2):
        with tarfile.open(tmp_path / f"s-{shard}.tar", "w") as archive:
            for number in range(2):
                for suffix, data in (("png", png(2 * shard + number)), ("cls", b"7")):
                    member = tarfile.TarInfo(f"a{number}.{suffix}")
                    member.size = len(data)
                    archive.addfile(member, io.BytesIO(data))
    found = open_pictures(f"webdataset:{tmp_path}/s-{{0..1}}.tar")
    assert len(found) == 4
    assert np.array_equal(found.read(3), made_pixels(3, 24, 20))
    assert found.label(3) == "7"
    with pytest.raises(TrainingError, match="there is no shard"):
        open_pictures(f"webdataset:{tmp_path}/missing.tar")


def test_a_python_object_by_its_import_path(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = "import numpy as np\nitems = [(np.full((9, 8), n, np.uint8), n) for n in range(3)]\n"
    (tmp_path / "my_pictures.py").write_text(text)
    monkeypatch.setattr(sys, "path", [str(tmp_path), *sys.path])
    found = open_pictures("python:my_pictures:items")
    assert (len(found), found.label(2)) == (3, "2")
    assert (found.read(2) == 2).all()
    with pytest.raises(TrainingError, match="cannot be imported"):
        open_pictures("python:my_pictures:nothing")


def test_a_missing_package_is_one_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "datasets", None)
    with pytest.raises(TrainingError, match=r"need the package datasets; .*vqzip\[datasets\]"):
        open_pictures("datasets:mnist")


def test_nothing_is_downloaded_unasked() -> None:
    pytest.importorskip("datasets")
    with pytest.raises(TrainingError, match="not on this machine; allow a download"):
        open_pictures("datasets:mnist")


@pytest.mark.parametrize(
    ("value", "words"),
    [
        (np.zeros((3, 8, 8), np.float32), "pixels of float32; vqzip needs uint8"),
        (np.zeros((8, 8, 5), np.uint8), r"the shape \(8, 8, 5\)"),
        (b"no picture", "Pillow"),
    ],
)
def test_items_that_are_no_pictures(value: Any, words: str) -> None:
    with pytest.raises(PictureError, match=words):
        pixels_of(value, "set[0]")


def test_an_item_that_cannot_be_read_is_named() -> None:
    class Broken:
        def __len__(self) -> int:
            return 1

        def __getitem__(self, number: int) -> Any:
            raise KeyError("lost")

    with pytest.raises(PictureError, match=r"my-set\[0\] cannot be read \(KeyError"):
        Items(Broken(), "my-set").read(0)


def test_workers_change_nothing(tmp_path: Path) -> None:
    for number in range(3):
        Image.fromarray(made_pixels(number, 60, 70)).save(tmp_path / f"{number}.png")
    (tmp_path / "bad.png").write_bytes(b"no picture")
    config = DataConfig(gray_share=0.3)
    plain = Loader(CropSource(open_pictures(tmp_path), config, 1))
    worked = Loader(CropSource(open_pictures(tmp_path), config, 1), workers=2)
    for step in (0, 1, 2, 7):
        first, second = (each.batch(1, step, 4, Window(32, 8)) for each in (plain, worked))
        assert torch.equal(first.pixels, second.pixels)
        assert torch.equal(first.gray, second.gray)
    assert len(worked.source.refused) == 1
