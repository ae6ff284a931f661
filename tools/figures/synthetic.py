"""Code pictures that are no photographs, and print what it costs as a Markdown table.

Flat, synthetic and noisy pictures, made by arithmetic and with Pillow's own font: what the model was
not trained for and what a codec must survive. Each cell has the bytes of the file, the PSNR in dB and
the largest error of a sample, 0 to 255. With --out, the pictures and what came back are kept as PNG.

python -m tools.figures.synthetic --out synthetic
"""

from __future__ import annotations

import argparse
import io
import math
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

import vqzip
from vqzip.codec.target import psnr_db

WIDTH, HEIGHT = 512, 384
QUALITIES = (1.0, 4.0, 8.0)
WORDS = "Sphinx of black quartz, judge my vow. 0123456789 {}[]()<>;:=+-*/"


@dataclass(frozen=True)
class WayToCode:
    """One column of the table.

    Args:
        name: of the column.
        encode: RGB picture to the bytes of a file.
        decode: and back.
        is_lossless: whether exactly the same picture has to come back.
    """

    name: str
    encode: Callable[[Image.Image], bytes]
    decode: Callable[[bytes], Image.Image]
    is_lossless: bool = False


@dataclass(frozen=True)
class Coded:
    """What one way to code made of one picture; `psnr_db` is infinite for no error."""

    file_bytes: int
    decoded: Image.Image
    psnr_db: float
    largest_error: int

    def cell(self) -> str:
        """Return the cell of the table."""
        if math.isinf(self.psnr_db):
            return f"{self.file_bytes:,}, exact"
        return f"{self.file_bytes:,}, {self.psnr_db:.1f} dB, {self.largest_error}"


def pictures() -> dict[str, Image.Image]:
    """Return the pictures by name, all of them RGB."""
    x = np.arange(WIDTH)[None]
    y = np.arange(HEIGHT)[:, None]
    right = np.broadcast_to(255 * x / (WIDTH - 1), (HEIGHT, WIDTH))
    down = np.broadcast_to(255 * y / (HEIGHT - 1), (HEIGHT, WIDTH))
    noise = np.random.default_rng(0).integers(0, 256, (HEIGHT, WIDTH, 3))
    return {
        "white": _rgb(np.full((HEIGHT, WIDTH), 255)),
        "50 % gray": _rgb(np.full((HEIGHT, WIDTH), 128)),
        "gradient": _rgb(right),
        "color gradient": _rgb(np.stack([right, down, 255 - right], axis=2)),
        "checkerboard of 1 pixel": _rgb(255 * ((x + y) % 2)),
        "checkerboard of 8 pixels": _rgb(255 * ((x // 8 + y // 8) % 2)),
        "white noise": _rgb(noise),
        "screenshot": screenshot(),
    }


def screenshot() -> Image.Image:
    """Return a window with a title, a list, text in several sizes and colors, and a chart."""
    image = Image.new("RGB", (WIDTH, HEIGHT), "#f4f5f7")
    draw = ImageDraw.Draw(image)
    draw.rectangle((0, 0, WIDTH, 27), fill="#24405f")
    draw.text((10, 5), "Report - last week", fill="white", font=ImageFont.load_default(15))
    for number, color in enumerate(("#e0483e", "#f0b429", "#35a853")):
        draw.ellipse((WIDTH - 20 * number - 22, 8, WIDTH - 20 * number - 11, 19), fill=color)
    _draw_list(draw)
    _draw_text(draw)
    _draw_chart(draw)
    return image


def ways_to_code(model: str) -> Iterator[WayToCode]:
    """Yield the model at each quality, then lossless and lossy formats of Pillow."""
    codec = vqzip.load(model)
    for quality in QUALITIES:

        def encode(image: Image.Image, quality: float = quality) -> bytes:
            return codec.encode(image, quality=quality)

        yield WayToCode(f"{model} {quality:g}", encode, codec.decode)
    yield _pillow("PNG", "PNG", is_lossless=True, optimize=True)
    yield _pillow("WebP lossless", "WEBP", is_lossless=True, lossless=True, method=6)
    yield _pillow("WebP 75", "WEBP", quality=75)
    yield _pillow("JPEG 75", "JPEG", quality=75)


def code(picture: Image.Image, way: WayToCode) -> Coded:
    """Code a picture and decode it again.

    Raises:
        ValueError: another size or mode came back, or a lossless format lost something.
    """
    data = way.encode(picture)
    decoded = way.decode(data)
    if (decoded.size, decoded.mode) != (picture.size, picture.mode):
        raise ValueError(f"{way.name} gave back {decoded.mode} of {decoded.size}.")
    before, after = np.asarray(picture), np.asarray(decoded)
    error = int(np.abs(before.astype(int) - after).max())
    if way.is_lossless and error:
        raise ValueError(f"{way.name} is lossless, but it is off by {error}.")
    return Coded(len(data), decoded, psnr_db(before, after), error)


def markdown(rows: dict[str, list[Coded]], columns: list[str]) -> str:
    """Return the table, a row for each picture."""
    lines = [["picture", *columns], ["---", *["---:"] * len(columns)]]
    lines += [[name, *(coded.cell() for coded in row)] for name, row in rows.items()]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)


def main() -> None:
    """Read the arguments, code every picture in every way, and print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--model", default="photo")
    parser.add_argument("--out", type=Path, help="folder for the pictures as PNG")
    arguments = parser.parse_args()
    ways = list(ways_to_code(arguments.model))
    made = pictures()
    rows = {name: [code(picture, way) for way in ways] for name, picture in made.items()}
    sys.stdout.write(markdown(rows, [way.name for way in ways]))
    if arguments.out is not None:
        arguments.out.mkdir(parents=True, exist_ok=True)
        for name, row in rows.items():
            _save(made[name], arguments.out, name)
            for way, coded in zip(ways, row, strict=True):
                _save(coded.decoded, arguments.out, f"{name}, {way.name}")


def _rgb(samples: NDArray[np.floating] | NDArray[np.integer]) -> Image.Image:
    """Return samples of 0 to 255, `(H, W)` or `(H, W, 3)`, as an RGB picture."""
    rounded = np.rint(samples).astype(np.uint8)
    if rounded.ndim == 2:
        rounded = np.repeat(rounded[..., None], 3, axis=2)
    return Image.fromarray(rounded)


def _draw_list(draw: ImageDraw.ImageDraw) -> None:
    """Draw eight boxes at the left, the third of them chosen."""
    font = ImageFont.load_default(12)
    for number in range(8):
        top = 40 + 28 * number
        chosen = number == 2
        draw.rectangle(
            (10, top, 130, top + 22), fill="#cfe0f5" if chosen else "white", outline="#a9b1bb"
        )
        draw.text((16, top + 4), f"Item {number + 1}", fill="black", font=font)
        draw.line((108, top + 11, 122, top + 11), fill="#1a66c2" if chosen else "#8a939e")


def _draw_text(draw: ImageDraw.ImageDraw) -> None:
    """Draw lines of text from 18 pixels down to 9, one in red, one in white on black."""
    top = 40
    for size, color in ((18, "black"), (14, "#333333"), (12, "#c00000"), (10, "black")):
        draw.text((145, top), WORDS, fill=color, font=ImageFont.load_default(size))
        top += size + 8
    draw.rectangle((145, top, WIDTH - 10, top + 20), fill="black")
    draw.text((150, top + 4), WORDS, fill="white", font=ImageFont.load_default(9))


def _draw_chart(draw: ImageDraw.ImageDraw) -> None:
    """Draw a grid of single pixels' width with two curves and four bars."""
    left, top, right, bottom = 145, 165, WIDTH - 10, HEIGHT - 14
    draw.rectangle((left, top, right, bottom), fill="white", outline="black")
    for x in range(left + 30, right, 30):
        draw.line((x, top, x, bottom), fill="#dddddd")
    for y in range(top + 20, bottom, 20):
        draw.line((left, y, right, y), fill="#dddddd")
    for number, color in enumerate(("#1a66c2", "#e0483e", "#35a853", "#f0b429")):
        x = left + 40 + 80 * number
        draw.rectangle((x, bottom - 40 - 25 * number, x + 30, bottom - 1), fill=color)
    for phase, width, color in ((0.0, 1, "black"), (1.5, 2, "#8c3d93")):
        curve = [
            (x, (top + bottom) / 2 + 60 * math.sin(x / 40 + phase)) for x in range(left, right)
        ]
        draw.line(curve, fill=color, width=width)


def _pillow(
    name: str, pillow_format: str, *, is_lossless: bool = False, **options: int
) -> WayToCode:
    """Return a way to code with Pillow's `save` and its options."""

    def encode(image: Image.Image) -> bytes:
        buffer = io.BytesIO()
        image.save(buffer, pillow_format, **options)
        return buffer.getvalue()

    def decode(data: bytes) -> Image.Image:
        with Image.open(io.BytesIO(data)) as image:
            return image.convert("RGB")

    return WayToCode(name, encode, decode, is_lossless)


def _save(image: Image.Image, folder: Path, name: str) -> None:
    image.save(folder / f"{name.replace(' ', '_').replace(',', '').replace('%', 'percent')}.png")


if __name__ == "__main__":
    main()
