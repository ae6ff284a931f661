"""Draw the road of a photograph through the codec, for docs/how_it_works.md.

python -m tools.figures.road tests/data/photograph.jpg docs/pictures/road.svg
"""

from __future__ import annotations

import argparse
import base64
import io
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

import vqzip

WIDTH, HEIGHT = 1000, 460
THUMBNAIL = 150
"""Width of the photograph in the drawing."""

FLOAT, INTEGER, LINE, TEXT = "#fbeee0", "#e2eefb", "#7a8794", "#1d2733"


def code_map(codes: NDArray[np.int32]) -> Image.Image:
    """Return the codes of one channel as an image: 0 is white, large ones are dark.

    Args:
        codes: `(rows, columns)`.
    """
    magnitude = np.log2(1 + np.abs(codes.astype(np.float64)))
    return Image.fromarray(np.uint8(255 - 245 * magnitude / max(magnitude.max(), 1)))


def box(x: float, y: float, width: float, height: float, color: str) -> str:
    """Return a rounded rectangle."""
    return (
        f'<rect x="{x:g}" y="{y:g}" width="{width:g}" height="{height:g}" rx="8" '
        f'fill="{color}" stroke="{LINE}"/>'
    )


def text(x: float, y: float, lines: Sequence[str], *, bold: bool = True) -> str:
    """Return centered lines of text, the first one bold by default."""
    weights = ["bold" if bold and number == 0 else "normal" for number in range(len(lines))]
    return "".join(
        f'<text x="{x:g}" y="{y + 17 * number:g}" font-weight="{weight}">{line}</text>'
        for number, (line, weight) in enumerate(zip(lines, weights, strict=True))
    )


def arrow(x: float, y: float, dx: float, dy: float = 0) -> str:
    """Return an arrow from a point."""
    return (
        f'<path d="M{x:g} {y:g} l{dx:g} {dy:g}" stroke="{LINE}" stroke-width="2" '
        'marker-end="url(#head)"/>'
    )


def picture(image: Image.Image, x: float, y: float, width: float, height: float) -> str:
    """Return an image, stored in the drawing itself; its pixels stay sharp when enlarged."""
    buffer = io.BytesIO()
    if image.mode == "L":
        image.save(buffer, "PNG", optimize=True)
    else:
        image.save(buffer, "WEBP", quality=80)
    kind = "png" if image.mode == "L" else "webp"
    data = base64.b64encode(buffer.getvalue()).decode()
    return (
        f'<image x="{x:g}" y="{y:g}" width="{width:g}" height="{height:g}" '
        f'style="image-rendering:pixelated" href="data:image/{kind};base64,{data}"/>'
    )


def levels_of(maps: Sequence[NDArray[np.int32]], x: float, y: float) -> str:
    """Return the first brightness channel of every level side by side, coarse to fine."""
    drawn = ""
    width, height, gap = 58.0, 56.0, 6.0
    for number, level in enumerate(maps):
        column, row = number % 3, number // 3
        image = code_map(level[0, 0])
        left, top = x + column * (width + gap), y + row * (height + gap)
        drawn += picture(image, left, top, width, height)
    return drawn


def road(original: Image.Image, decoded: Image.Image, maps: Sequence[NDArray[np.int32]], size: int) -> str:  # fmt: skip
    """Return the drawing.

    Args:
        original: the photograph.
        decoded: what the decoder makes of it.
        maps: the codes of each level, `(groups, depth, rows, columns)`, coarse to fine.
        size: of the .vqz file in bytes.
    """
    height = THUMBNAIL * original.height / original.width
    small = original.width // 2, original.height // 2
    before, after = original.resize(small), decoded.resize(small)
    top, bottom = 40, 300
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" '
        f'font-family="sans-serif" font-size="13" text-anchor="middle" fill="{TEXT}">',
        "<title>The road of a photograph through vqzip</title>",
        '<defs><marker id="head" viewBox="0 0 8 8" refX="6" refY="4" markerWidth="6" '
        f'markerHeight="6" orient="auto"><path d="M0 0 L8 4 L0 8 z" fill="{LINE}"/></marker></defs>',
        f'<rect width="{WIDTH}" height="{HEIGHT}" fill="white"/>',
        # Encoding, left to right.
        text(95, 24, ["photograph"]),
        picture(before, 20, top, THUMBNAIL, height),
        arrow(176, 112, 24),
        box(206, 62, 150, 100, FLOAT),
        text(281, 96, ["wavelet transform", "five times, each time", "at half the size"]),
        arrow(362, 112, 24),
        text(485, 24, ["codes: integers, coarse to fine"]),
        levels_of(maps, 392, top + 2),
        arrow(588, 112, 24),
        box(618, 62, 170, 100, INTEGER),
        text(703, 82, ["prior (PixelCNN)", "a probability for each", "code, from the codes", "before it, in", "integers alone"]),
        arrow(794, 112, 24),
        box(824, 62, 156, 100, INTEGER),
        text(902, 90, ["entropy coder", "rANS: probable codes", "take few bits", "(often under 0.1)"]),
        arrow(902, 168, 0, 46),
        box(782, 220, 198, 60, INTEGER),
        text(881, 244, [f".vqz file: {size:,} bytes", "header, streams, checksums"]),
        # Decoding, right to left.
        arrow(902, 286, 0, 30),
        box(824, bottom + 22, 156, 100, INTEGER),
        text(902, bottom + 62, ["entropy decoder", "takes one code after", "the other"]),
        arrow(818, bottom + 60, -24),
        arrow(794, bottom + 84, 24),
        box(618, bottom + 22, 170, 100, INTEGER),
        text(703, bottom + 54, ["the same prior", "gives the same", "probabilities on", "every machine"]),
        arrow(612, bottom + 72, -24),
        text(485, bottom - 16, ["the same codes"]),
        levels_of(maps, 392, bottom + 2),
        arrow(386, bottom + 72, -24),
        box(206, bottom + 22, 150, 100, FLOAT),
        text(281, bottom + 54, ["inverse wavelet,", "then a small network", "that sharpens what", "rounding blurred"]),
        arrow(200, bottom + 72, -24),
        text(95, bottom - 16, ["decoded picture"]),
        picture(after, 20, bottom, THUMBNAIL, height),
        # What the colors mean.
        box(206, 226, 22, 16, INTEGER),
        '<g text-anchor="start">',
        text(236, 239, ["integers: equal on every machine"], bold=False),
        text(236, 261, ["floats: pixels may differ by 1 of 255"], bold=False),
        "</g>",
        box(206, 248, 22, 16, FLOAT),
        "</svg>",
    ]  # fmt: skip
    return "\n".join(parts) + "\n"


def main() -> None:
    """Read the arguments and write the drawing."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("photograph", type=Path)
    parser.add_argument("out", type=Path)
    arguments = parser.parse_args()
    original = Image.open(arguments.photograph).convert("RGB")
    codec = vqzip.load("photo")
    data = codec.encode(original)
    maps = codec.to_codes(original).levels
    drawing = road(original, codec.decode(data).convert("RGB"), maps, len(data))
    arguments.out.write_text(drawing, encoding="utf-8")


if __name__ == "__main__":
    main()
