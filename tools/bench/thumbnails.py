"""Measure pictures at a fraction of their size: time, and how much of the file is read.

    python -m tools.bench.thumbnails big.png --quality 4 --quality 6

The model is loaded before; each row is the median of some repetitions with the file in the system's cache.
Bytes are those that the process asks the system for.
"""

from __future__ import annotations

import argparse
import json
import statistics
import tempfile
import time
from io import FileIO
from pathlib import Path
from typing import Any

import vqzip
from vqzip.codec.codec import Codec
from vqzip.codec.reduced import REDUCTIONS
from vqzip.pictures.limits import MAX_PIXELS
from vqzip.pictures.read import read_picture


class CountedFile(FileIO):
    """A file without a buffer that counts the bytes that are read."""

    count = 0

    def read(self, size: int | None = -1, /) -> bytes:
        data = super().read(-1 if size is None else size)
        self.count += len(data)
        return data


def row(
    codec: Codec, path: Path, reduction: int, levels: int | None, repetitions: int
) -> dict[str, Any]:
    wall, processor, share = [], [], 0.0
    for _ in range(repetitions):
        with CountedFile(path) as file:
            started, spent = time.perf_counter(), time.process_time()
            picture = codec.decode_reduced(file, reduction, levels=levels)
            wall.append(time.perf_counter() - started)
            processor.append(time.process_time() - spent)
            share = file.count / path.stat().st_size
    return {
        "reduction": reduction,
        "levels": levels,
        "width": picture.width,
        "height": picture.height,
        "seconds": round(statistics.median(wall), 3),
        "processor_seconds": round(statistics.median(processor), 3),
        "share_read": round(share, 3),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("picture", type=Path)
    parser.add_argument("--model", default="photo")
    parser.add_argument("--quality", type=float, action="append")
    parser.add_argument("--levels", type=int)
    parser.add_argument("--reduction", type=int, action="append")
    parser.add_argument("--repetitions", type=int, default=3)
    arguments = parser.parse_args()
    codec = vqzip.load(arguments.model)
    picture = read_picture(arguments.picture, max_pixels=MAX_PIXELS, strict=False)
    with tempfile.TemporaryDirectory() as folder:
        for quality in arguments.quality or [4.0]:
            path = Path(folder) / "picture.vqz"
            path.write_bytes(codec.encode_picture(picture, quality=quality).data)
            for reduction in arguments.reduction or reversed(REDUCTIONS):
                found = row(codec, path, reduction, arguments.levels, arguments.repetitions)
                print(json.dumps({"quality": quality, "bytes": path.stat().st_size} | found))


if __name__ == "__main__":
    main()
