"""Draw parts of photographs beside their .vqz file and an AVIF of the same size, for docs/results/side_by_side.md.

Whole pictures are encoded; a part of each is shown, enlarged twice so that a reader sees single pixels.

python -m tools.figures.side_by_side kodak docs/pictures/side_by_side
"""

from __future__ import annotations

import argparse
import sys
from dataclasses import dataclass
from pathlib import Path

from PIL import Image

import vqzip
from tools.figures.qualities import sheet
from vqzip.codec.codec import Codec
from vqzip.errors import VqzipError
from vqzip.measuring.anchors.avif import AVIF
from vqzip.measuring.source_pictures import MAX_PIXELS
from vqzip.pictures.picture import Picture
from vqzip.pictures.read import read_picture
from vqzip.pictures.write import image_from_picture

SIDE, ENLARGED = 176, 2
QUALITIES = (2.0, 4.0, 6.0, 8.0)
WEBP_QUALITY = 90
"""Of the drawn sheets: good enough that their own loss does not show beside what is compared."""


@dataclass(frozen=True)
class Part:
    """A square part of a picture.

    Args:
        name: of the sheet.
        file: name of the picture.
        left: first column.
        top: first row.
    """

    name: str
    file: str
    left: int
    top: int

    def of(self, picture: Picture) -> Image.Image:
        """Return the part, enlarged."""
        box = (self.left, self.top, self.left + SIDE, self.top + SIDE)
        cut = image_from_picture(picture).convert("RGB").crop(box)
        return cut.resize((ENLARGED * SIDE, ENLARGED * SIDE), Image.Resampling.NEAREST)


PARTS = (
    Part("skin", "kodim04.png", 150, 280),
    Part("foliage_and_water", "kodim13.png", 300, 250),
    Part("sky", "kodim21.png", 330, 40),
    Part("text", "kodim14.png", 460, 330),
    Part("saturated_edges", "kodim23.png", 430, 100),
    Part("wood_and_grass", "kodim19.png", 90, 500),
)


def avif_of_size(picture: Picture, size: int) -> bytes:
    """Return the best AVIF of at most `size` bytes (tune iq, speed 6), or the smallest one."""
    lowest, highest = 0, 100
    best = AVIF.encode(picture, lowest).data
    while lowest < highest:
        middle = (lowest + highest + 1) // 2
        data = AVIF.encode(picture, middle).data
        if len(data) <= size:
            best, lowest = data, middle
        else:
            highest = middle - 1
    return best


def rows_of(part: Part, picture: Picture, codec: Codec) -> list[list[tuple[Image.Image, str]]]:
    """Return a row for each quality: the original, the .vqz file, the AVIF."""
    rows = []
    for quality in QUALITIES:
        data = codec.encode_picture(picture, quality=quality).data
        avif = avif_of_size(picture, len(data))
        rows.append(
            [
                (part.of(picture), "original"),
                (part.of(codec.decode_picture(data)), f"vqzip {quality:g}: {len(data):,} bytes"),
                (part.of(AVIF.decode(avif)), f"AVIF: {len(avif):,} bytes"),
            ]
        )
    return rows


def draw(pictures: Path, out: Path, codec: Codec) -> None:
    """Write a sheet for each part."""
    out.mkdir(parents=True, exist_ok=True)
    for part in PARTS:
        picture = read_picture(pictures / part.file, max_pixels=MAX_PIXELS, strict=False)
        drawn = sheet(rows_of(part, picture, codec))
        drawn.save(out / f"{part.name}.webp", quality=WEBP_QUALITY, method=6)


def main() -> None:
    """Read the arguments; what cannot be done is one line on stderr."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("pictures", type=Path, help="folder of the Kodak pictures")
    parser.add_argument("out", type=Path, help="folder of the sheets")
    parser.add_argument("--model", default="photo")
    arguments = parser.parse_args()
    try:
        draw(arguments.pictures, arguments.out, vqzip.load(arguments.model))
    except (VqzipError, OSError) as error:
        sys.exit(f"{parser.prog}: {error}")


if __name__ == "__main__":
    main()
