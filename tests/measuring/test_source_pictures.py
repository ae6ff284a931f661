from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tests.measuring.made_pictures import hills, write_folder
from vqzip.errors import PictureError
from vqzip.measuring.source_pictures import (
    SourcePicture,
    find_pictures,
    read_plain,
    spread,
)


def test_a_folder_is_searched_through(tmp_path: Path) -> None:
    found = find_pictures(write_folder(tmp_path, count=3))
    assert [picture.name for picture in found] == ["below/p2.png", "p0.png", "p1.png"]


def test_a_single_picture(tmp_path: Path) -> None:
    (found,) = find_pictures(write_folder(tmp_path) / "p0.png")
    assert found.name == "p0.png"


def test_nothing_to_find(tmp_path: Path) -> None:
    with pytest.raises(PictureError, match="no pictures in"):
        find_pictures(tmp_path)
    with pytest.raises(PictureError, match="no picture or folder"):
        find_pictures(tmp_path / "missing")


def test_spread_takes_from_the_whole_list() -> None:
    pictures = tuple(SourcePicture(str(i), Path(str(i))) for i in range(10))
    assert [p.name for p in spread(pictures, 4)] == ["0", "2", "5", "7"]
    assert spread(pictures, None) == spread(pictures, 10) == spread(pictures, 99) == pictures


def test_alpha_and_metadata_are_left_behind(tmp_path: Path) -> None:
    image = Image.fromarray(np.dstack([hills(), np.full((168, 176), 9, np.uint8)]))
    image.save(tmp_path / "a.png", icc_profile=b"a profile")
    picture = read_plain(SourcePicture("a.png", tmp_path / "a.png"))
    assert picture.alpha is None
    assert picture.metadata.icc is None
    np.testing.assert_array_equal(picture.pixels, hills())


def test_a_damaged_picture_is_named(tmp_path: Path) -> None:
    (tmp_path / "bad.png").write_bytes(b"nothing")
    with pytest.raises(PictureError, match=r"bad\.png"):
        read_plain(SourcePicture("bad.png", tmp_path / "bad.png"))
