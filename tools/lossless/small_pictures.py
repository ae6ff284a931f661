"""Make pictures of 32 x 32 pixels, as in CIFAR-10: `python -m tools.lossless.small_pictures valid small`.

Each picture is reduced so that its shorter side has 96 pixels, and cut into squares.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from PIL import Image

from vqzip.pictures.find import picture_files

SIDE, SQUARES = 32, 3


def main() -> None:
    """Read a folder and write another."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("out", type=Path)
    given = parser.parse_args()
    given.out.mkdir(parents=True)
    for path in picture_files(given.folder):
        with Image.open(path) as opened:
            image = opened.convert("RGB")
        ratio = SIDE * SQUARES / min(image.size)
        size = max(96, round(image.width * ratio)), max(96, round(image.height * ratio))
        image = image.resize(size, Image.Resampling.LANCZOS)
        for number in range(SQUARES**2):
            top, left = (SIDE * part for part in divmod(number, SQUARES))
            square = image.crop((left, top, left + SIDE, top + SIDE))
            square.save(given.out / f"{path.stem}-{number}.png")


if __name__ == "__main__":
    main()
