"""Measure how pictures look at equal size: JOD, Butteraugli and SSIMULACRA2 of models and other codecs.

Pictures that nothing was trained or tuned on (Kodak's) give the tables of docs/results/looks.md between the
markers `looks`. The other codecs' command-line programs must be installed for the table of defaults.

python -m tools.figures.looks kodak --every 4 --out results/looks
"""

from __future__ import annotations

import argparse
import shlex
import sys
from collections.abc import Sequence
from pathlib import Path

from tools.marked_parts import write_marked_part
from vqzip.cli.rd_curve import FilesDisplay
from vqzip.codec.codec import DEFAULT_QUALITY, load
from vqzip.errors import VqzipError
from vqzip.measuring.analysis.comparisons import compare, mean_points
from vqzip.measuring.analysis.picture_wins import share_smaller
from vqzip.measuring.anchors.avif import AVIF, AVIF_SSIM
from vqzip.measuring.anchors.command import parse_command
from vqzip.measuring.anchors.jxl import JXL
from vqzip.measuring.anchors.pillow import JPEG, WEBP, PillowAnchor
from vqzip.measuring.measure import Measurement, measure
from vqzip.measuring.metrics.known import METRICS, find_metrics
from vqzip.measuring.metrics.metric import Metric
from vqzip.measuring.report.report import RdReport, make_report, write_report
from vqzip.measuring.report.result_tables import mean_cell
from vqzip.measuring.report.tables import Table, number
from vqzip.measuring.source_pictures import SourcePicture, find_pictures
from vqzip.measuring.subject import ModelSubject, Subject

ROOT = Path(__file__).resolve().parents[2]
PAGE = Path("docs/results/looks.md")
MODELS = ("photo", "photo-ssim")
ANCHORS: tuple[PillowAnchor, ...] = (AVIF, AVIF_SSIM, JXL, WEBP, JPEG)
REFERENCES = (AVIF, JXL)
QUALITIES = (1.5, 3.0, 4.5, 6.0, 8.0)
DEFAULTS = (
    "cwebp: cwebp -quiet {in} -o {out} | dwebp -quiet {in} -o {out}",
    "avifenc: avifenc --jobs 1 {in} {out.avif} | avifdec {in.avif} {out}",
    "cjxl: cjxl --num_threads=0 {in} {out.jxl} | djxl --num_threads=0 {in.jxl} {out}",
)
"""Each program as it is without options on quality."""


def measure_all(
    subjects: Sequence[Subject], pictures: Sequence[SourcePicture], metrics: Sequence[Metric]
) -> list[Measurement]:
    """Measure subjects at their settings; of other codecs' ten settings, every second one."""
    found = []
    with FilesDisplay() as display:
        for subject in subjects:
            every = 2 if len(subject.settings) > len(QUALITIES) else 1
            settings = subject.settings[::every]
            found.append(
                measure(
                    subject,
                    pictures,
                    metrics=metrics,
                    settings=settings,
                    progress=display.next(subject.name),
                )
            )
            sys.stderr.write(f"{subject.name} is measured\n")
            sys.stderr.flush()
    return found


def equal_quality(report: RdReport, reference: PillowAnchor) -> Table:
    """Return bits at equal quality against one codec by every metric, and the pictures won."""
    (against,) = (m for m in report.measurements if m.label == reference.name)
    rows = []
    for measurement in report.measurements:
        if measurement is against:
            continue
        found = [compare(measurement, against, metric) for metric in report.metrics]
        cells = []
        for comparison in found:
            share = share_smaller([comparison])
            cells.append(f"{mean_cell(comparison.per_picture)} ({share.smaller}/{share.pictures})")
        rows.append((measurement.title, *cells))
    return Table(
        f"Bits at equal quality against {reference.title}, % (on how many pictures fewer)",
        ("codec", *(metric.title for metric in report.metrics)),
        tuple(rows),
    )


def defaults(measured: Sequence[Measurement], metrics: Sequence[Metric]) -> Table:
    """Return what programs make of pictures when no quality is named."""
    rows = []
    for measurement in measured:
        (mean,) = mean_points(measurement)
        scores = (number(mean.scores[metric.name], metric.digits) for metric in metrics)
        rows.append((measurement.title, number(mean.rate_bpp, 3), *scores))
    return Table(
        "Default quality of each program, means over the pictures",
        ("program", "bpp", *(metric.heading for metric in metrics)),
        tuple(rows),
    )


def tables(arguments: argparse.Namespace, command: Sequence[str]) -> str:
    """Measure everything and return the text between the markers."""
    metrics = find_metrics([metric.name for metric in METRICS])
    pictures = find_pictures(arguments.pictures)[:: arguments.every]
    codecs = {name: load(ROOT / "models" / name) for name in MODELS}
    models = [ModelSubject(codec, qualities=QUALITIES) for codec in codecs.values()]
    for anchor in ANCHORS:
        anchor.check_installed()
    programs = [
        ModelSubject(codecs["photo"], qualities=(DEFAULT_QUALITY,), name="vqzip (`photo`)"),
        *map(parse_command, DEFAULTS),
    ]
    single = measure_all(programs, pictures, metrics)
    measured = measure_all([*models, *ANCHORS], pictures, metrics)
    count = len(models)
    report = make_report(measured[:count], measured[count:], command, metrics)
    write_report(report, arguments.out)
    versions = [f"{name} {version}" for name, version in report.versions.items()]
    versions += [anchor.description.partition(";")[0] for anchor in report.anchors]
    parts = [
        f"`{shlex.join(command)}`: {len(pictures)} pictures, {len(QUALITIES)} settings of each codec; "
        f"{', '.join(dict.fromkeys(versions))}.\n",
        *(equal_quality(report, reference).markdown() for reference in REFERENCES),
        defaults(single, metrics).markdown(),
    ]
    return "\n".join(parts)


def main() -> None:
    """Read the arguments; what cannot be done is one line on stderr."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("pictures", type=Path, help="folder of the report's pictures")
    parser.add_argument("--every", type=int, default=1, help="take every n-th picture")
    parser.add_argument("--out", type=Path, default=Path("results/looks"), help="of all points")
    arguments = parser.parse_args()
    # Where folders lie on this machine is of no use to a reader.
    options = ["--every", str(arguments.every)] if arguments.every > 1 else []
    command = ["python", "-m", "tools.figures.looks", arguments.pictures.resolve().name, *options]
    try:
        text = write_marked_part(ROOT / PAGE, "looks", lambda: tables(arguments, command))
    except VqzipError as error:
        sys.exit(f"{parser.prog}: {error}")
    sys.stdout.write(text)


if __name__ == "__main__":
    main()
