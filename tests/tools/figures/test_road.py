"""The drawing of the road is well-formed SVG and shows every level and the file's size."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from pathlib import Path

import numpy as np
from PIL import Image

from tools.figures import road as script

PAGE = Path(__file__).parents[3] / "docs" / "pictures" / "road.svg"
SVG = "{http://www.w3.org/2000/svg}"


def images(drawing: str) -> list[ET.Element]:
    return list(ET.fromstring(drawing).iter(f"{SVG}image"))  # noqa: S314


def test_every_level_is_drawn_twice_beside_both_pictures() -> None:
    photograph = Image.new("RGB", (64, 32), "red")
    maps = [np.ones((3, 1, 2, 4), np.int32), np.zeros((9, 1, 4, 8), np.int32)]
    drawing = script.road(photograph, photograph, maps, 1234)
    assert len(images(drawing)) == 2 * (1 + len(maps))
    assert ".vqz file: 1,234 bytes" in drawing


def test_zero_is_white_and_the_largest_code_is_dark() -> None:
    drawn = np.asarray(script.code_map(np.array([[0, -7, 3]], np.int32)))
    assert drawn[0, 0] == 255
    assert drawn[0, 1] < drawn[0, 2] < 255


def test_the_page_shows_six_levels() -> None:
    assert len(images(PAGE.read_text(encoding="utf-8"))) == 2 * (1 + 6)
