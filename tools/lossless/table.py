"""Print bits per sample of pictures without loss: `python -m tools.lossless.table kodak`.

Every file is decoded and compared. Times are those of the processor, in microseconds a sample.
"""

from __future__ import annotations

import argparse
import io
import json
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from vqzip.errors import CodingError
from vqzip.families.known import load_model
from vqzip.models.abilities import compressing
from vqzip.pictures.find import picture_files

FORMATS: dict[str, tuple[str, dict[str, Any]]] = {
    "PNG": ("PNG", {"optimize": True}),
    "WebP": ("WEBP", {"lossless": True, "quality": 100, "method": 6}),
    "JPEG XL, effort 7": ("JXL", {"lossless": True, "effort": 7}),
    "JPEG XL, effort 9": ("JXL", {"lossless": True, "effort": 9}),
}


@dataclass
class Row:
    """What a codec made of all pictures.

    Args:
        encode: an image to the bytes of a file.
        decode: the bytes back to an image.
        bits: of all files.
        samples: of all pictures.
        seconds: of encoding and of decoding.
    """

    encode: Callable[[Image.Image], bytes]
    decode: Callable[[bytes], Image.Image]
    bits: int = 0
    samples: int = 0
    seconds: tuple[float, float] = (0.0, 0.0)

    def add(self, image: Image.Image) -> None:
        """Encode and decode a picture.

        Raises:
            CodingError: it does not come back.
        """
        started = time.process_time()
        data = self.encode(image)
        between = time.process_time()
        decoded = self.decode(data)
        ended = time.process_time()
        if not np.array_equal(np.asarray(decoded.convert(image.mode)), np.asarray(image)):
            raise CodingError("a picture does not come back.")
        self.bits += 8 * len(data)
        self.samples += np.asarray(image).size
        self.seconds = self.seconds[0] + between - started, self.seconds[1] + ended - between

    def facts(self) -> dict[str, float]:
        """Return bits and microseconds a sample."""
        return {
            "bits_per_sample": self.bits / self.samples,
            "encode_us": 1e6 * self.seconds[0] / self.samples,
            "decode_us": 1e6 * self.seconds[1] / self.samples,
        }


def row_of(name: str) -> Row:
    """Return an empty row of a format, or of a model."""
    if name not in FORMATS:
        codec = compressing(load_model(name))
        return Row(codec.encode, codec.decode)
    image_format, options = FORMATS[name]
    if image_format == "JXL":
        import pillow_jxl  # noqa: F401  registers the format

    def encode(image: Image.Image) -> bytes:
        buffer = io.BytesIO()
        image.save(buffer, image_format, **options)
        return buffer.getvalue()

    def decode(data: bytes) -> Image.Image:
        image = Image.open(io.BytesIO(data))
        image.load()
        return image

    return Row(encode, decode)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--codecs", nargs="*", default=[*FORMATS, "exact"])
    parser.add_argument("--limit", type=int)
    given = parser.parse_args()
    rows = {name: row_of(name) for name in given.codecs}
    for path in picture_files(given.folder)[: given.limit]:
        with Image.open(path) as opened:
            image = opened if opened.mode == "L" else opened.convert("RGB")
            image.load()
        for row in rows.values():
            row.add(Image.fromarray(np.asarray(image)))
        sys.stderr.write(f"{path}\n")
    facts = {name: row.facts() for name, row in rows.items()}
    sys.stdout.write(json.dumps(facts, indent=1) + "\n")


if __name__ == "__main__":
    main()
