"""Code every file of a folder of odd and broken pictures, and count what becomes of them.

A file must come back from encode and decode with its size, its mode, its alpha and its metadata, or
be refused with one of the sentences of docs/promises/pictures_kept.md. Anything else is printed, and the exit
status is 1. Where the folder has a FILES.csv (columns `file`, `pillow_13_load`, `mode`), what Pillow
loads must not be refused as damaged, what it does not load must be, and the mode must be the one kept.

python -m tools.figures.odd odd --model tests/golden/tiny
"""

from __future__ import annotations

import argparse
import csv
import sys
import time
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from tools.marked_parts import markers, with_marked_part
from vqzip.cli.native_stderr import native_stderr_muted
from vqzip.codec.codec import Codec, load
from vqzip.errors import PictureError, VqzipError
from vqzip.pictures.limits import MAX_PIXELS
from vqzip.pictures.picture import Picture
from vqzip.pictures.read import read_file

INDEX = "FILES.csv"
BEGIN, END = markers("odd")
QUALITY, EFFORT = 4.0, 0
PATIENCE_SECONDS = 10.0

DAMAGED = "damaged, or no picture that Pillow reads"
SENTENCES = {
    "is damaged or no picture that Pillow reads": DAMAGED,
    "pixels allowed; raise": "larger than `--max-pixels`",
    "have no known white": "integers with a sign or of 32 bits",
    "floating-point samples are read from 0": "floats outside 0 to 1",
    "is PostScript": "PostScript",
    "the Lab picture cannot be converted": "Lab that cannot be converted",
    "leave metadata out with": "metadata too large",
    "which needs pillow-heif": "HEIC without pillow-heif",
}
"""What a refusal says (docs/promises/pictures_kept.md), and its name in the table."""

GRAY_MODES = ("1", "L", "LA", "La", "I;16", "I;16B", "I;16L", "F")


@dataclass(frozen=True)
class Outcome:
    """What became of a file.

    Args:
        file: its path below the folder.
        kind: of the table; begins with `refused:` or is the mode that was kept.
        losses: what the warning named.
        fault: what should not have happened, None if all is well.
        seconds: of the processor that reading, coding and decoding took.
    """

    file: str
    kind: str
    losses: tuple[str, ...]
    fault: str | None
    seconds: float


def code(codec: Codec, path: Path, name: str, pillow: Mapping[str, str] | None) -> Outcome:
    """Read, encode and decode a file.

    Args:
        codec: of any model.
        path: of the file.
        name: its path below the folder.
        pillow: its row of the index, None if there is none.
    """
    started = time.process_time()
    losses: tuple[str, ...] = ()
    try:
        with native_stderr_muted():
            found = read_file(path, max_pixels=MAX_PIXELS)
        losses = (*found.losses, *found.text_losses)
        encoded = codec.encode_picture(found.picture, quality=QUALITY, effort=EFFORT)
        decoded = codec.decode_picture(encoded.data)
    except PictureError as error:
        kind, fault = refusal(str(error), pillow)
    except Exception as error:  # noqa: BLE001
        kind, fault = "failed", f"{type(error).__name__}: {error}"
    else:
        kind, fault = mode_of(found.picture), difference(found.picture, decoded)
        fault = fault or unexpected_mode(found.picture, pillow)
    return Outcome(name, kind, losses, fault, time.process_time() - started)


def mode_of(picture: Picture) -> str:
    """Return the mode of a picture in words."""
    colors = "gray" if picture.is_gray else "RGB"
    return colors if picture.alpha is None else f"{colors} with alpha"


def refusal(message: str, pillow: Mapping[str, str] | None) -> tuple[str, str | None]:
    """Return the kind of a refusal, and what is wrong with it."""
    kind = next((kind for words, kind in SENTENCES.items() if words in message), None)
    if kind is None or "\n" in message:
        return "refused otherwise", message
    loads = pillow is not None and pillow["pillow_13_load"] == "ok"
    fault = f"Pillow loads it: {message}" if loads and kind == DAMAGED else None
    return f"refused: {kind}", fault


def difference(picture: Picture, decoded: Picture) -> str | None:
    """Return what did not come back from coding, None if all did."""
    if decoded.pixels.shape != picture.pixels.shape:
        return f"shape {picture.pixels.shape} came back as {decoded.pixels.shape}"
    if decoded.alpha is None or picture.alpha is None:
        if decoded.alpha is not picture.alpha:
            return "alpha came or went"
    elif not np.array_equal(decoded.alpha, picture.alpha):
        return "alpha changed"
    if decoded.metadata != picture.metadata:
        return "metadata changed"
    return None


def unexpected_mode(picture: Picture, pillow: Mapping[str, str] | None) -> str | None:
    """Return what is wrong with a mode that was kept, by what Pillow makes of the file."""
    if pillow is None or pillow["pillow_13_load"] != "ok":
        return None
    if picture.is_gray and pillow["mode"] == "RGBA" and pillow["format"] == "PNG":
        # Gray with alpha of 16 bits, of which Pillow makes RGB.
        return None
    if picture.is_gray != (pillow["mode"] in GRAY_MODES):
        return f"{pillow['mode']} became {mode_of(picture)}"
    return None


def tables(outcomes: Sequence[Outcome]) -> str:
    """Return the outcomes counted by kind, and the warnings, as Markdown."""
    kinds = Counter(outcome.kind for outcome in outcomes)
    kept = sorted(kind for kind in kinds if not kind.startswith(("refused", "failed")))
    others = sorted(set(kinds) - set(kept))
    warned = Counter(loss for outcome in outcomes for loss in general(outcome.losses))
    warnings = sum(bool(outcome.losses) for outcome in outcomes)
    rows = [("outcome", "files"), ("---", "---:")]
    rows += [(f"comes back as {kind}", str(kinds[kind])) for kind in kept]
    rows += [(kind, str(kinds[kind])) for kind in others]
    rows += [("all", str(len(outcomes)))]
    said = [(f"of those that come back, with a warning: {warnings}", "files"), ("---", "---:")]
    said += [(loss, str(count)) for loss, count in sorted(warned.items())]
    return "\n".join([*table(rows), "", *table(said)]) + "\n"


def general(losses: Iterable[str]) -> set[str]:
    """Return what a warning names, without numbers."""
    return {"further pictures" if "further picture" in loss else loss for loss in losses}


def table(rows: Iterable[tuple[str, str]]) -> list[str]:
    """Return the lines of a Markdown table."""
    return [f"| {left} | {right} |" for left, right in rows]


def read_index(folder: Path) -> dict[str, dict[str, str]]:
    """Return the rows of the folder's index by file, nothing if there is none."""
    path = folder / INDEX
    if not path.is_file():
        return {}
    with path.open(newline="", encoding="utf-8") as file:
        return {row["file"]: row for row in csv.DictReader(file)}


def say(text: str) -> None:
    """Print a line."""
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


def main() -> None:
    """Read the arguments, code the files, print the tables."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("folder", type=Path, help="with the files, at any depth")
    parser.add_argument("--model", default="photo", help="name of a model or a model folder")
    parser.add_argument("--page", type=Path, help="write the tables between its two markers")
    arguments = parser.parse_args()
    index = read_index(arguments.folder)
    files = sorted(path for path in arguments.folder.rglob("*") if path.is_file())
    names = [(path, path.relative_to(arguments.folder).as_posix()) for path in files]
    names = [(path, name) for path, name in names if name != INDEX]
    try:
        codec = load(arguments.model)
        outcomes = [code(codec, path, name, index.get(name)) for path, name in names]
        for outcome in outcomes:
            if outcome.fault is not None:
                say(f"{outcome.file}: {outcome.fault}")
        text = tables(outcomes)
        say(text)
        slowest = max(outcomes, key=lambda outcome: outcome.seconds)
        slow = sum(outcome.seconds > PATIENCE_SECONDS for outcome in outcomes)
        say(
            f"slowest: {slowest.file}, {slowest.seconds:.1f} s; over {PATIENCE_SECONDS:g} s: {slow}"
        )
        if arguments.page is not None:
            page = arguments.page.read_text(encoding="utf-8")
            page = with_marked_part(page, "odd", text, path=arguments.page)
            arguments.page.write_text(page, encoding="utf-8")
    except VqzipError as error:
        sys.exit(f"{parser.prog}: {error}")
    if any(outcome.fault for outcome in outcomes):
        sys.exit(1)


if __name__ == "__main__":
    main()
