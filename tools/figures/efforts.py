"""Measure what each effort of the encoder costs and brings, and write it into docs/results/tables.md.

python -m tools.figures.efforts kodak --every 3
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from tools.marked_parts import write_marked_part
from vqzip.cli.files_display import FilesDisplay
from vqzip.codec.codec import load
from vqzip.codec.effort import DEFAULT_EFFORT, ROUNDS
from vqzip.errors import VqzipError
from vqzip.measuring.analysis.comparisons import compare, mean_points
from vqzip.measuring.measure import Measurement, measure
from vqzip.measuring.metrics.known import DEFAULT_METRICS
from vqzip.measuring.report.tables import Table
from vqzip.measuring.source_pictures import SourcePicture, find_pictures
from vqzip.measuring.subject import ModelSubject

ROOT = Path(__file__).resolve().parents[2]
PAGE, MODELS = Path("docs/results/tables.md"), Path("models")
EFFORTS = {
    0: "0, nearest codes",
    DEFAULT_EFFORT: "1, by rate and distortion (default)",
    2: f"2, refined in {ROUNDS[2]} rounds",
    3: f"3, refined in {ROUNDS[3]} rounds",
}
QUALITIES = (1.0, 3.0, 5.0, 7.0)


def table(model: str, pictures: Sequence[SourcePicture]) -> Table:
    """Code pictures at every effort, and compare."""
    codec = load(ROOT / MODELS / model, "cpu")
    curves: dict[int, Measurement] = {}
    with FilesDisplay() as display:
        for effort in EFFORTS:
            label = f"{model}, effort {effort}"
            subject = ModelSubject(codec, qualities=QUALITIES, effort=effort, name=label)
            curves[effort] = measure(subject, pictures, progress=display.next(label))
    usual = curves[DEFAULT_EFFORT]
    rows = []
    for effort, title in EFFORTS.items():
        curve = curves[effort]
        both = list(zip(mean_points(curve), mean_points(usual), strict=True))
        bits = sum(own.rate_bpp / default.rate_bpp for own, default in both) / len(both)
        gains = [compare(curve, usual, metric).per_picture.percent for metric in DEFAULT_METRICS]
        rows.append(
            (
                title,
                f"{100 * (bits - 1):+.1f}",
                *(f"{gain:+.2f}" for gain in gains),
            )
        )
    header = (
        "effort",
        "bits at the same quality setting, %",
        "BD-rate by PSNR, %",
        "by MS-SSIM, %",
    )
    return Table(
        f"Efforts of `{model}` against the default, {len(pictures)} pictures", header, tuple(rows)
    )


def main() -> None:
    """Read the arguments; what cannot be done is one line on stderr."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("pictures", type=Path, help="folder of the report's pictures")
    parser.add_argument("--every", type=int, default=1, help="take only use every n-th picture")
    parser.add_argument("--model", default="photo", help="in models/")
    arguments = parser.parse_args()
    if arguments.every < 1:
        parser.error("--every must be at least 1")
    try:
        chosen = find_pictures(arguments.pictures)[:: arguments.every]
        text = write_marked_part(
            ROOT / PAGE, "efforts", lambda: table(arguments.model, chosen).markdown()
        )
    except VqzipError as error:
        sys.exit(f"{parser.prog}: {error}")
    sys.stdout.write(text)


if __name__ == "__main__":
    main()
