"""Sets of pictures from IDX files and from folders."""

from __future__ import annotations

import gzip
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from vqzip.errors import PictureError
from vqzip.pictures.sets import read_idx, read_set


def idx(array: np.ndarray) -> bytes:
    """Return the content of an IDX file of bytes."""
    sides = b"".join(side.to_bytes(4, "big") for side in array.shape)
    return bytes((0, 0, 8, array.ndim)) + sides + array.astype(np.uint8).tobytes()


def test_idx_files(tmp_path: Path) -> None:
    images = np.arange(24).reshape(2, 3, 4)
    (tmp_path / "train-images-idx3-ubyte").write_bytes(idx(images))
    found = read_set(tmp_path)
    assert found.labels is None
    assert np.array_equal(found.pixels[..., 0], images)
    (tmp_path / "t10k-images-idx3-ubyte.gz").write_bytes(gzip.compress(idx(images + 1)))
    (tmp_path / "t10k-labels-idx1-ubyte.gz").write_bytes(gzip.compress(idx(np.array([7, 9]))))
    test = read_set(tmp_path, "test")
    assert test.labels is not None
    assert test.labels.tolist() == [7, 9]
    assert test.first(1).pixels[0, 0, 0, 0] == 1


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\0\0\x08",
        b"\0\0\x08\x01\0\0\0\x05abcd",
        b"\0\0\x08\x01\0\0\0\x03abcd",
        b"\0\0\x0d\x01\0\0\0\x04abcd",
        b"\0\0\x08\xff" + b"\xff" * 1020,
        b"\0\0\x08\x00",
    ],
)
def test_damaged_idx_files(tmp_path: Path, data: bytes) -> None:
    path = tmp_path / "a"
    path.write_bytes(data)
    with pytest.raises(PictureError):
        read_idx(path)
    packed = tmp_path / "a.gz"
    packed.write_bytes(gzip.compress(idx(np.arange(99)))[:-9])
    with pytest.raises(PictureError, match="cannot be read"):
        read_idx(packed)


def test_folders_are_classes(tmp_path: Path) -> None:
    for name, value in (("cat", 10), ("dog", 20)):
        (tmp_path / name).mkdir()
        for number in range(2):
            Image.new("RGB", (5, 3), (value, number, 0)).save(tmp_path / name / f"{number}.png")
    found = read_set(tmp_path)
    assert found.pixels.shape == (4, 3, 5, 3)
    assert found.labels is not None
    assert found.labels.tolist() == [0, 0, 1, 1]
    assert read_set(tmp_path / "cat").labels is None
    Image.new("RGB", (5, 4)).save(tmp_path / "cat" / "taller.png")
    with pytest.raises(PictureError, match="one size"):
        read_set(tmp_path)
    with pytest.raises(PictureError, match="no pictures"):
        read_set(tmp_path / "nothing")
