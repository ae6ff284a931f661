"""What a gray picture costs against the brightness alone of a colored one.

Each picture is coded in color, and its mean of red, green and blue in gray. Of the colored file
the code length of the luma codes is counted, the first stage of every level, under the same prior;
the gray file is compared with it in whole bytes, header and all. The second column has the same for
the gray picture in three equal channels, and what such a file costs more than the gray one.

python -m tools.figures.gray_cost valid/v01.webp valid/v02.webp --model photo
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from vqzip.codec.codec import Codec, Encoded, load
from vqzip.errors import PictureError, VqzipError
from vqzip.pictures.limits import MAX_PIXELS
from vqzip.pictures.picture import Picture
from vqzip.pictures.read import read_picture
from vqzip.prior.exact.level import State
from vqzip.prior.parameters import Parameters
from vqzip.prior.walk import Place

QUALITIES = (1.0, 4.0, 8.0)
LONGEST_SIDE = 1024
"""One stream tile, which is all that the count below walks."""


class LumaBits:
    """A code source that knows the codes and adds up the code length of the first channels.

    Args:
        codes: `(C, H, W)` int32 of each level.
    """

    def __init__(self, codes: list[NDArray[np.int32]]) -> None:
        self._codes = codes
        self.bits = 0.0

    def codes(self, place: Place, parameters: Parameters) -> NDArray[np.int64]:
        """Return the known codes of a place; see `vqzip.prior.walk.CodeSource`."""
        level = self._codes[place.level]
        known = place.of(level).astype(np.int64)
        luma = place.channels < len(level) // 3
        self.bits += float(parameters.bits(known)[:, luma].sum())
        return known


def luma_bytes(codec: Codec, encoded: Encoded) -> float:
    """Return the code length of the luma codes of a colored picture, in bytes."""
    codes = [level.reshape(-1, *level.shape[2:]) for level in encoded.codes.levels]
    source = LumaBits(codes)
    step = codec.quality_step(encoded.quality)
    state: State | None = None
    for number, level in enumerate(codes):
        prior = codec.model.prior
        prior.walk_known(number, level, state, source, quality_step=step, gray=False)
        state = prior.advance(number, level, state, quality_step=step, gray=False)
    return source.bits / 8


def measure(codec: Codec, path: Path, quality: float) -> tuple[int, float, float, int]:
    """Return bytes: the gray file, luma of the colors, luma of equal channels, file of those.

    Raises:
        PictureError: the picture cannot be read, is gray, or has more than one stream tile.
    """
    pixels = read_picture(path, max_pixels=MAX_PIXELS, strict=False).pixels
    if pixels.ndim == 2 or max(pixels.shape) > LONGEST_SIDE:
        raise PictureError(f"{path} must be in color, of at most {LONGEST_SIDE} pixels a side.")
    gray = np.rint(pixels.mean(axis=2)).astype(np.uint8)
    equal = np.repeat(gray[:, :, None], 3, axis=2)
    files = [
        codec.encode_picture(Picture(samples), quality=quality, effort=0)
        for samples in (gray, pixels, equal)
    ]
    lumas = [luma_bytes(codec, file) for file in files[1:]]
    return len(files[0].data), lumas[0], lumas[1], len(files[2].data)


def main() -> None:
    """Read the arguments, measure, print a row a picture and quality."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("pictures", type=Path, nargs="+", help="in color, one stream tile each")
    parser.add_argument("--model", default="photo", help="name of a model or a model folder")
    arguments = parser.parse_args()
    rows = [
        "| picture | quality | gray file | luma in color | gray over it "
        "| luma of equal channels | gray over it | file of equal channels over gray |",
        "| --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: |",
    ]
    try:
        codec = load(arguments.model)
        for path in arguments.pictures:
            for quality in QUALITIES:
                gray, color, equal, three = measure(codec, path, quality)
                rows.append(
                    f"| {path.stem} | {quality:g} | {gray} | {color:.0f} | {gray / color - 1:+.1%}"
                    f" | {equal:.0f} | {gray / equal - 1:+.1%} | {three / gray - 1:+.1%} |"
                )
    except VqzipError as error:
        sys.exit(f"{parser.prog}: {error}")
    sys.stdout.write("\n".join(rows) + "\n")


if __name__ == "__main__":
    main()
