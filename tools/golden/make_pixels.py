"""Make golden files without loss: `python -m tools.golden.make_pixels`. Files that are there are not changed.

The model has random weights, because later models must not change what these files decode to.
"""

from __future__ import annotations

import hashlib
import json
import sys
from pathlib import Path

import numpy as np

from tools.golden.cases import EXIF, GRAY_ICC, ICC, XMP, gray_pixels, rough_alpha
from tools.golden.models import smooth_pixels
from tools.lossless.random_priors import HIDDEN, random_tensors
from vqzip.codec.lossless.codec import LosslessCodec
from vqzip.codec.lossless.samples import planes_of
from vqzip.families.family import write_stored
from vqzip.families.known import load_model
from vqzip.families.pixels import PixelsConfig
from vqzip.pictures.picture import Metadata, Picture

FOLDER = Path(__file__).parents[2] / "tests" / "golden" / "tiny-pixels"
EXPECTED = FOLDER / "expected.json"


def cases() -> dict[str, Picture]:
    """Return the pictures by the names of their files."""
    noise = np.random.default_rng(3).integers(0, 256, (21, 18, 3)).astype(np.uint8)
    extremes = np.zeros((20, 20, 3), np.uint8)
    extremes[5:, 3:] = 255
    return {
        "one-pixel": Picture(smooth_pixels(1, 1, 1)),
        "gray": Picture(gray_pixels(19, 33, 2), metadata=Metadata(icc=GRAY_ICC)),
        "row": Picture(smooth_pixels(1, 40, 3)),
        "noise": Picture(noise),
        "extremes": Picture(extremes),
        "two-tiles": Picture(smooth_pixels(6, 260, 4)),
        "everything": Picture(
            smooth_pixels(17, 16, 5), rough_alpha(17, 16), Metadata(ICC, EXIF, XMP)
        ),
    }


def digest(picture: Picture) -> str:
    """Return the SHA-256 of the samples: plane by plane, green, red, blue."""
    return hashlib.sha256(planes_of(picture.pixels).astype(np.uint8).tobytes()).hexdigest()


def main() -> None:
    """Write the model and the files that are missing."""
    if not FOLDER.exists():
        write_stored(FOLDER, PixelsConfig("tiny-pixels", HIDDEN), random_tensors(7))
    codec = load_model(FOLDER)
    if not isinstance(codec, LosslessCodec):
        raise TypeError(FOLDER)
    expected = json.loads(EXPECTED.read_text(encoding="utf-8")) if EXPECTED.exists() else {}
    for name, picture in cases().items():
        path = FOLDER / f"{name}.vqz"
        if not path.exists():
            path.write_bytes(codec.encode_picture(picture).data)
            expected[name] = digest(picture)
            sys.stderr.write(f"{path}\n")
    EXPECTED.write_text(json.dumps(expected, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
