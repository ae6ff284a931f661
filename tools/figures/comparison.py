"""Draw a photograph beside its .vqz and a JPEG of the same size, for the README.

python -m tools.figures.comparison tests/data/photograph.jpg docs/pictures/comparison.png
"""

from __future__ import annotations

import argparse
import io
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFont

import vqzip
from vqzip.codec.target import psnr_db

GAP, LINE = 8, 26


def jpeg_of_size(image: Image.Image, size: int) -> bytes:
    """Return the best JPEG of at most `size` bytes, or the smallest one there is."""
    for quality in range(95, 0, -1):
        buffer = io.BytesIO()
        image.save(buffer, "JPEG", quality=quality, optimize=True, subsampling="4:2:0")
        if buffer.tell() <= size or quality == 1:
            return buffer.getvalue()
    raise AssertionError


def decibels(a: Image.Image, b: Image.Image) -> float:
    """Return the PSNR of two RGB images."""
    return psnr_db(np.asarray(a), np.asarray(b))


def main() -> None:
    """Read the arguments and write the picture."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("photograph", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--quality", type=float, default=4.0)
    parser.add_argument("--model", default="photo")
    arguments = parser.parse_args()
    original = Image.open(arguments.photograph).convert("RGB")
    codec = vqzip.load(arguments.model)
    data = codec.encode(original, quality=arguments.quality)
    decoded = codec.decode(data)
    jpeg = jpeg_of_size(original, len(data))
    as_jpeg = Image.open(io.BytesIO(jpeg)).convert("RGB")
    source = arguments.photograph.stat().st_size
    panels = [
        (original, f"original, {source:,} bytes"),
        (decoded, f"vqzip, {len(data):,} bytes, {decibels(original, decoded):.1f} dB"),
        (as_jpeg, f"JPEG, {len(jpeg):,} bytes, {decibels(original, as_jpeg):.1f} dB"),
    ]
    width, height = original.size
    sheet = Image.new("RGB", (3 * width + 2 * GAP, height + LINE), "white")
    draw = ImageDraw.Draw(sheet)
    font = ImageFont.load_default(14)
    for number, (panel, label) in enumerate(panels):
        left = number * (width + GAP)
        sheet.paste(panel, (left, 0))
        draw.text((left + 2, height + 5), label, fill="black", font=font)
    sheet.save(arguments.out, optimize=True)


if __name__ == "__main__":
    main()
