"""Make the sound files that fuzzing begins with: `python -m tools.fuzz.make_seeds`.

They are small, so that a case takes milliseconds, but for one of the size that the promise is about.
The models are those of the golden files.
"""

from __future__ import annotations

import sys
from pathlib import Path
from unittest import mock

import numpy as np
import torch

from tools.fuzz.target import GOLDEN, MODELS, SEEDS
from tools.golden.models import smooth_pixels
from vqzip.codec import tiles
from vqzip.codec.codec import Codec, load
from vqzip.pictures.picture import Metadata, Picture

SMALLEST_TILE_LOG2 = 8


def pictures() -> dict[str, Picture]:
    """Return what is coded, by name of the file."""
    rng = np.random.default_rng(11)
    alpha = np.repeat(rng.integers(0, 256, (24, 1), np.uint8), 40, axis=1)
    alpha[5:9, 10:30] = 255
    icc = bytes(16) + b"RGB " + bytes(16) + b"acsp" + bytes(100)
    exif = b"MM\0*\0\0\0\x08\0\x01\x01\x12\0\x03\0\0\0\x01\0\x01\0\0\0\0\0\0"
    return {
        "rgb": Picture(smooth_pixels(16, 8, 1)),
        "gray": Picture(smooth_pixels(10, 24, 2)[:, :, 0].copy()),
        "all-sections": Picture(
            smooth_pixels(24, 40, 3), alpha, Metadata(icc, exif, b"<x:xmpmeta/>")
        ),
        "gray-alpha": Picture(smooth_pixels(9, 9, 4)[:, :, 0].copy(), alpha[:9, :9].copy()),
        "two-tiles": Picture(smooth_pixels(4, 260, 5)),
        "largest": Picture(smooth_pixels(64, 96, 6)),
    }


def make(codec: Codec, folder: Path) -> None:
    """Write the files of a model, the last with tiles of 256 pixels."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, picture in pictures().items():
        log2 = SMALLEST_TILE_LOG2 if name == "two-tiles" else tiles.STREAM_TILE_LOG2
        with mock.patch.object(tiles, "STREAM_TILE_LOG2", log2):
            encoded = codec.encode_picture(picture, quality=6.0, effort=0, verify=True)
        (folder / f"{name}.vqz").write_bytes(encoded.data)


def main() -> int:
    """Write the files of both models."""
    torch.set_num_threads(1)
    for name in MODELS:
        make(load(GOLDEN / name), SEEDS / name)
    return 0


if __name__ == "__main__":
    sys.exit(main())
