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

from tools.prior.walks import Picture, parameters_of
from vqzip.codec.codec import Codec, load
from vqzip.codec.encoder import Encoded
from vqzip.errors import PictureError, VqzipError
from vqzip.pictures.limits import MAX_PIXELS
from vqzip.pictures.picture import Picture as Samples
from vqzip.pictures.read import read_picture
from vqzip.prior.order import wavefront

QUALITIES = (1.0, 4.0, 8.0)
LONGEST_SIDE = 1024
"""One stream tile, which is all that the count below walks."""


def luma_bytes(codec: Codec, encoded: Encoded) -> float:
    """Return the code length of the luma codes of a colored picture, in bytes."""
    codes = encoded.codes.maps
    picture = Picture(0, 0, encoded.codes.quality.eighths)
    parameters = parameters_of(codec.model.prior, picture, codes)
    bits = 0.0
    for number, level in enumerate(codec.model.prior.levels):
        order = wavefront(*codes[number].shape[1:], level.side)
        known = order.of_map(codes[number]).astype(np.int64)
        for stage, said in zip(level.stages, parameters[number], strict=True):
            luma = stage.channels < codec.model.config.vqvae.luma(number)
            bits += float(said.bits(known[:, stage.channels])[:, luma].sum())
    return bits / 8


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
        codec.encode_picture(Samples(samples), quality=quality, effort=0)
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
