"""Compare what vqzip reads with what ImageMagick reads, and give every difference its reason.

Pillow is under vqzip's reading, so its faults would be ours. Every file of some folders is read by both;
size, orientation, alpha and colors are compared. A table has the differences with their reasons, each of
which is checked on the pixels where it can be. What has no reason is printed, and the exit status is 1.

python -m tools.figures.second_reader odd reports --convert /usr/bin/convert
"""

from __future__ import annotations

import argparse
import sys
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from tools.figures.imagemagick import Seen, read_theirs
from vqzip.cli.native_stderr import native_stderr_muted
from vqzip.errors import PictureError
from vqzip.pictures.colors import stripped
from vqzip.pictures.containers.findings import Findings
from vqzip.pictures.limits import MAX_PIXELS
from vqzip.pictures.metadata import orientation_of
from vqzip.pictures.picture import Metadata, Picture
from vqzip.pictures.read import read_file
from vqzip.pictures.samples import turned
from vqzip.pictures.sources import open_picture

NO_PICTURES = {".csv", ".txt", ".md", ""}
EXACT, NEARLY, LOSSY_MEAN, SAME_ALPHA = 2, 4.0, 1.0, 1
LOSSY_FORMATS = ("AVIF", "HEIF", "WEBP", "JPEG", "JPEG2000")
LUMA = np.array([0.299, 0.587, 0.114])


@dataclass(frozen=True)
class Case:
    """A file as both readers see it.

    Args:
        path: of the file.
        image_format: Pillow's name.
        found: in the file, by vqzip's walk.
        ours: upright.
        in_srgb: the same with its colors converted to sRGB.
        turn: orientation, 1 to 8, that was undone.
        theirs: of ImageMagick.
    """

    path: Path
    image_format: str
    found: Findings
    ours: Seen
    in_srgb: Seen
    turn: int
    theirs: Seen


def seen(picture: Picture) -> Seen:
    """Return a picture of vqzip's in three channels and alpha."""
    pixels = picture.pixels
    if picture.is_gray:
        pixels = np.repeat(pixels[..., None], 3, axis=2)
    alpha = picture.alpha
    if alpha is None:
        alpha = np.full(pixels.shape[:2], 255, np.uint8)
    return Seen(pixels, alpha)


def color_error(first: Seen, second: Seen) -> NDArray[np.float64]:
    """Return how far colors lie apart, `(H, W, 3)`, by how opaque the pixels are."""
    cover = np.minimum(first.alpha, second.alpha)[..., None] / 255
    return np.abs(first.pixels.astype(np.float64) - second.pixels) * cover


def equal_colors(first: Seen, second: Seen, *, lossy: bool) -> bool:
    """Return whether colors are the same but for rounding, and for the decoder of a lossy format."""
    error = color_error(first, second)
    if lossy:
        return float(error.mean()) <= LOSSY_MEAN
    return float(error.max(initial=0)) <= EXACT


def equal_alpha(case: Case) -> bool:
    """Return whether both readers see the same alpha."""
    difference = case.ours.alpha.astype(int) - case.theirs.alpha
    return int(np.abs(difference).max()) <= SAME_ALPHA


def not_turned(case: Case) -> bool:
    """Both agree once ImageMagick's picture is turned as EXIF or XMP of the file says."""
    if case.turn == 1:
        return False
    other = Seen(turned(case.theirs.pixels, case.turn), turned(case.theirs.alpha, case.turn))
    return other.size == case.ours.size and equal_colors(case.ours, other, lossy=False)


def by_gamma(case: Case) -> bool:
    """Both agree once vqzip's colors are converted to sRGB by the profile that it made."""
    if case.found.numbers is None or case.found.numbers.is_srgb(gray=False):
        return False
    error = color_error(case.in_srgb, case.theirs)
    # Eight bits a sample are coarse for the darkest colors of a linear picture.
    return float(np.percentile(error, 99)) <= 10 and float(error.mean()) <= NEARLY


def by_large_gamma(case: Case) -> bool:
    """ImageMagick 6 takes a gamma above 1 for linear light."""
    numbers = case.found.numbers
    if numbers is None or numbers.gamma is None or numbers.gamma >= 1:
        return False
    linear = replace(numbers, gamma=1.0).profile(gray=False)
    as_linear = stripped(Picture(case.ours.pixels, case.ours.alpha, Metadata(icc=linear)))
    return float(color_error(seen(as_linear), case.theirs).mean()) <= NEARLY


def beyond_the_screen(case: Case) -> bool:
    """A frame of a GIF reaches beyond the screen that the file states."""
    height, width = case.theirs.size
    return case.image_format == "GIF" and height <= case.ours.size[0] and width <= case.ours.size[1]


def by_chroma(case: Case) -> bool:
    """Brightness agrees; chroma, stored at half the size, is enlarged in two ways."""
    if case.image_format not in ("AVIF", "HEIF", "WEBP"):
        return False
    error = np.abs((case.ours.pixels.astype(np.float64) - case.theirs.pixels) @ LUMA)
    return float((error * (case.ours.alpha > 0)).mean()) <= LOSSY_MEAN


def unused_byte(case: Case) -> bool:
    """Of 32 bits a pixel only 24 have a meaning; ImageMagick takes the rest for alpha."""
    return case.image_format in ("BMP", "DIB") and bool((case.ours.alpha == 255).all())


def high_key(case: Case) -> bool:
    """The transparent gray of a PNG has bits above the depth, which do not count."""
    key = case.found.key
    return key is not None and max(key) >= 1 << case.found.bits


REASONS: dict[str, Sequence[tuple[str, Callable[[Case], bool]]]] = {
    "orientation": [
        ("ImageMagick 6 does not follow an orientation in eXIf of PNG or in XMP", not_turned),
    ],
    "size": [
        ("a frame larger than the GIF's screen is kept whole here, cut there", beyond_the_screen),
    ],
    "alpha": [
        (
            "ImageMagick 6 does not read alpha of AVIF",
            lambda case: case.image_format == "AVIF",
        ),
        ("the fourth byte of a BMP without an alpha mask has no meaning", unused_byte),
        ("bits of a PNG's transparent gray above its depth do not count", high_key),
    ],
    "colors": [
        ("kept here with a profile of its gamma and primaries, converted there", by_gamma),
        ("a gamma above 1 is followed here, taken for linear there", by_large_gamma),
        ("chroma of half the size is enlarged in two ways; brightness is the same", by_chroma),
        (
            "Lab goes to sRGB by two sets of tables",
            lambda case: case.path.stem.endswith(".Lab") and not case.found.icc,
        ),
    ],
}
LOOKED_AT = {
    "bad/badrle.bmp": "damaged: run lengths that lead beyond the picture",
    "bad/pal8badindex.bmp": "damaged: indices beyond the palette",
    "broken/crash-74d2a78403a5a59db1fb0a2b8735ac068a75f6e3.tif": "damaged: a strip that ends early",
    "questionable/pal8os2v2.bmp": "a palette of OS/2, equal to pal8.bmp here",
    "Bad_smile-incorrect-image-length.ico": "damaged: a wrong length in front of the mask",
}
"""Single files whose pictures were looked at."""

REFUSALS = {
    "Pillow has no decoder for it": (
        *("Unsupported BMP", "no known format", "decoder error -2", "not supported"),
    ),
    "cut off or damaged; the other reader fills the rest": (
        "truncated",
        "Truncated",
        "broken data",
    ),
    "larger than --max-pixels": ("pixels allowed",),
    "samples of unknown white": ("no known white", "from 0 (black) to 1 (white)"),
}


def refusal(message: str) -> str | None:
    """Return why vqzip refuses what ImageMagick reads."""
    for reason, words in REFUSALS.items():
        if any(word in message for word in words):
            return f"refused here: {reason}"
    return None


def compare(convert: str, path: Path) -> str | None:
    """Return the outcome of a file: `same`, a kind of difference and its reason, or None for neither."""
    frames = read_theirs(convert, path)
    try:
        with native_stderr_muted():
            picture = read_file(path, max_pixels=MAX_PIXELS).picture
            image, found = open_picture(path.read_bytes(), str(path), max_pixels=MAX_PIXELS)
            image_format, turn = image.format or "", orientation_of(found, image)
    except PictureError as error:
        return "refused by both" if isinstance(frames, str) else refusal(str(error))
    if isinstance(frames, str):
        return f"refused there: {frames.partition('`')[0].removeprefix('convert: ').strip()}"
    ours = seen(picture)
    fitting = [frame for frame in frames if frame.size == ours.size]
    icon = image_format in ("ICO", "CUR", "ICNS") and fitting
    theirs = _nearest(ours, fitting) if icon else frames[0]
    case = Case(path, image_format, found, ours, seen(stripped(picture)), turn, theirs)
    return outcome(case)


def _nearest(ours: Seen, frames: Sequence[Seen]) -> Seen:
    """Return the picture of an icon that was read here; sizes may be there twice."""
    return min(frames, key=lambda frame: float(color_error(ours, frame).mean()))


def outcome(case: Case) -> str | None:
    """Return `same`, a difference with its reason, or None."""
    for ending, reason in LOOKED_AT.items():
        if str(case.path).endswith(ending):
            return f"looked at: {reason}"
    lossy = case.image_format in LOSSY_FORMATS
    if case.ours.size == case.theirs.size:
        if equal_colors(case.ours, case.theirs, lossy=lossy) and equal_alpha(case):
            return "same"
        kinds = [] if equal_alpha(case) else ["alpha"]
        kinds += [] if equal_colors(case.ours, case.theirs, lossy=lossy) else ["colors"]
    else:
        kinds = ["size"]
    if case.turn != 1 and not_turned(case):
        kinds = ["orientation"]
    reasons: list[str] = []
    for kind in kinds:
        fitting = [words for words, test in REASONS.get(kind, ()) if test(case)]
        if not fitting:
            return None
        reasons.append(f"{kind}: {fitting[0]}")
    return "; ".join(reasons)


def main() -> None:
    """Read the arguments, compare the files, print the table."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("folders", type=Path, nargs="+", help="with the files, at any depth")
    parser.add_argument("--convert", default="/usr/bin/convert", help="ImageMagick's command")
    arguments = parser.parse_args()
    outcomes: Counter[str] = Counter()
    unexplained = []
    for folder in arguments.folders:
        files = sorted(path for path in folder.rglob("*") if path.is_file())
        for path in files:
            if path.suffix.lower() in NO_PICTURES:
                continue
            found = compare(arguments.convert, path)
            outcomes[found or "without a reason"] += 1
            if found is None:
                unexplained.append(path)
    sys.stdout.write("| outcome | files |\n| --- | ---: |\n")
    for reason, count in outcomes.most_common():
        sys.stdout.write(f"| {reason} | {count} |\n")
    for path in unexplained:
        sys.stdout.write(f"without a reason: {path}\n")
    sys.exit(1 if unexplained else 0)


if __name__ == "__main__":
    main()
