"""Draw a part of a photograph at several qualities of two models, for docs/guide/qualities.md.

python -m tools.figures.qualities tests/data/photograph.jpg docs/pictures/qualities.webp
"""

from __future__ import annotations

import argparse
from pathlib import Path

from PIL import Image, ImageDraw, ImageFont

import vqzip

GAP, LINE = 6, 22
CROP = (10, 60, 170, 210)
"""Left, top, right and bottom of the part that is shown, in pixels of the photograph."""

QUALITIES = (1.0, 2.0, 4.0, 6.0, 8.0)
MODELS = ("photo", "photo-psnr")


def sheet(rows: list[list[tuple[Image.Image, str]]]) -> Image.Image:
    """Return pictures of one size in rows, each with a line of text below it."""
    width, height = rows[0][0][0].size
    size = len(rows[0]) * (width + GAP) - GAP, len(rows) * (height + LINE)
    drawn = Image.new("RGB", size, "white")
    draw = ImageDraw.Draw(drawn)
    font = ImageFont.load_default(13)
    for row, panels in enumerate(rows):
        for column, (panel, label) in enumerate(panels):
            left, top = column * (width + GAP), row * (height + LINE)
            drawn.paste(panel, (left, top))
            draw.text((left + 2, top + height + 3), label, fill="black", font=font)
    return drawn


def main() -> None:
    """Read the arguments and write the picture."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("photograph", type=Path)
    parser.add_argument("out", type=Path)
    arguments = parser.parse_args()
    original = Image.open(arguments.photograph).convert("RGB")
    rows = []
    for model in MODELS:
        codec = vqzip.load(model)
        panels = []
        for quality in QUALITIES:
            data = codec.encode(original, quality=quality)
            label = f"{model} {quality:g}: {len(data):,} B"
            panels.append((codec.decode(data).convert("RGB").crop(CROP), label))
        rows.append([*panels, (original.crop(CROP), "original")])
    sheet(rows).save(arguments.out, lossless=True)


if __name__ == "__main__":
    main()
