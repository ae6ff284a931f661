"""`vqzip.decode`: bytes and paths, parts and thumbnails, and refusals before any work."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

import vqzip
import vqzip.pillow
from tools.golden.models import smooth_pixels
from vqzip.container.build import build_header
from vqzip.container.fields import Header
from vqzip.families import shared

PIXELS = smooth_pixels(70, 90, 3)


@pytest.fixture
def file(tiny_model: Path, monkeypatch: pytest.MonkeyPatch) -> bytes:
    monkeypatch.setenv("VQZIP_MODELS", str(tiny_model.parent))
    return vqzip.encode(PIXELS, 6, model="tiny")


def test_bytes_and_paths(file: bytes, tmp_path: Path) -> None:
    path = tmp_path / "a.vqz"
    path.write_bytes(file)
    wanted = np.asarray(vqzip.decode(file))
    same: list[Any] = [path, str(path), bytearray(file), memoryview(file)]
    for given in same:
        assert np.array_equal(np.asarray(vqzip.decode(given)), wanted)
    assert np.array_equal(np.asarray(vqzip.open(path)), wanted)


@pytest.mark.parametrize("given", [None, 3, [1, 2]])
def test_other_things_are_refused(given: Any) -> None:
    with pytest.raises(vqzip.UsageError, match="or its path"):
        vqzip.decode(given)


def test_a_region(file: bytes) -> None:
    whole = np.asarray(vqzip.decode(file))
    assert np.array_equal(np.asarray(vqzip.decode(file, region=(8, 4, 30, 20))), whole[4:24, 8:38])
    with pytest.raises(vqzip.PictureError, match="inside the picture"):
        vqzip.decode(file, region=(80, 0, 30, 20))


def test_levels(file: bytes) -> None:
    assert vqzip.decode(file, levels=1).size == (90, 70)
    assert np.asarray(vqzip.decode(file, levels=1)).std() < np.asarray(vqzip.decode(file)).std()


def test_a_thumbnail_of_bytes_and_of_a_path(file: bytes, tmp_path: Path) -> None:
    path = tmp_path / "a.vqz"
    path.write_bytes(file)
    from_bytes, from_path = vqzip.decode(file, reduction=8), vqzip.decode(path, reduction=8)
    assert from_bytes.size == (12, 9)
    assert np.array_equal(np.asarray(from_bytes), np.asarray(from_path))


def test_a_thumbnail_of_a_part_is_refused(file: bytes) -> None:
    with pytest.raises(vqzip.UsageError, match="`reduction` works without `region`"):
        vqzip.decode(file, reduction=2, region=(0, 0, 8, 8))


def test_a_softer_thumbnail(file: bytes, tmp_path: Path) -> None:
    path = tmp_path / "a.vqz"
    path.write_bytes(file)
    soft, sharp = vqzip.decode(path, reduction=2, levels=1), vqzip.decode(path, reduction=2)
    assert soft.size == sharp.size
    assert np.asarray(soft, float).std() < np.asarray(sharp, float).std()
    assert np.array_equal(np.asarray(soft), np.asarray(vqzip.decode(file, reduction=2, levels=1)))
    assert np.array_equal(np.asarray(vqzip.decode(path, reduction=2, levels=4)), np.asarray(sharp))
    with pytest.raises(vqzip.PictureError, match="levels 1 to 4"):
        vqzip.decode(path, reduction=2, levels=5)


def test_the_front_of_a_file_gives_a_thumbnail(file: bytes) -> None:
    front = file[: 2 * len(file) // 3]
    with pytest.raises(vqzip.InvalidFile, match="decode what is left"):
        vqzip.decode(front)
    assert vqzip.decode(front, partial=True, reduction=4).size == (23, 18)


def test_a_small_file_of_a_huge_picture_is_refused_before_work(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    def loaded(*_: object) -> None:
        raise AssertionError("a model was looked for")

    monkeypatch.setattr(shared, "load_model", loaded)
    monkeypatch.setattr(shared, "find_by_id", loaded)
    front = build_header(Header(10_000, 10_000, "rgb", 3, 24, 10, bytes(8)))
    path = tmp_path / "a.vqz"
    path.write_bytes(front)
    ways: list[Any] = [{}, {"reduction": 8}, {"region": (0, 0, 8, 8)}, {"partial": True}]
    for settings in ways:
        for given in (front, path):
            with pytest.raises(vqzip.LimitExceeded, match="10000 x 10000"):
                vqzip.decode(given, max_pixels=20_000_000, **settings)


def test_a_model_by_its_folder(file: bytes, tiny_model: Path, monkeypatch: Any) -> None:
    monkeypatch.delenv("VQZIP_MODELS")
    with pytest.raises(vqzip.ModelError, match="which is not installed"):
        vqzip.decode(file)
    assert vqzip.decode(file, model=tiny_model).size == (90, 70)
    with pytest.raises(vqzip.ModelError, match="was made with the model"):
        vqzip.decode(file, model=tiny_model.with_name("tiny-gains"))


def test_no_file(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        vqzip.decode(tmp_path / "none.vqz")
    for reduction in (1, 4):
        with pytest.raises(vqzip.NotVqz):
            vqzip.decode(b"", reduction=reduction)


def test_thumbnails_of_files_without_loss(tmp_path: Path) -> None:
    file = vqzip.encode(PIXELS, model="exact")
    path = tmp_path / "a.vqz"
    path.write_bytes(file)
    assert np.array_equal(np.asarray(vqzip.decode(file)), PIXELS)
    wanted = np.asarray(Image.fromarray(PIXELS).reduce(8))
    for given in (file, path):
        assert np.array_equal(np.asarray(vqzip.decode(given, reduction=8)), wanted)
    with Image.open(path) as image:
        image.draft(None, (12, 9))
        assert np.array_equal(np.asarray(image), wanted)
