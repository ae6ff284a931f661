"""Measure how pictures look at equal size: JOD, Butteraugli and SSIMULACRA2 of models and other codecs.

Pictures that nothing was trained or tuned on (Kodak's) give the tables of docs/results/looks.md between the
markers `looks`. The other codecs' command-line programs must be installed for the table of defaults.

python -m tools.figures.looks kodak --every 4 --out results/looks
"""

from __future__ import annotations

import argparse
import shlex
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from tools.marked_parts import paragraph, read_page, with_marked_part
from vqzip.cli.files_display import FilesDisplay
from vqzip.codec.codec import DEFAULT_QUALITY, load
from vqzip.errors import VqzipError
from vqzip.measuring.analysis.comparisons import Comparison, compare, mean_points
from vqzip.measuring.analysis.picture_wins import share_smaller
from vqzip.measuring.anchors.avif import AVIF, AVIF_SSIM
from vqzip.measuring.anchors.command import parse_command
from vqzip.measuring.anchors.jxl import JXL
from vqzip.measuring.anchors.pillow import JPEG, WEBP, PillowAnchor
from vqzip.measuring.measure import Measurement, measure
from vqzip.measuring.metrics.known import METRICS, find_metrics
from vqzip.measuring.metrics.metric import Metric
from vqzip.measuring.report.files import write_report
from vqzip.measuring.report.read import read_measurements
from vqzip.measuring.report.report import RdReport, make_report
from vqzip.measuring.report.result_tables import mean_cell
from vqzip.measuring.report.tables import Table, number
from vqzip.measuring.source_pictures import SourcePicture, find_pictures
from vqzip.measuring.subject import ModelSubject, Subject

ROOT = Path(__file__).resolve().parents[2]
PAGE = Path("docs/results/looks.md")
MODELS = ("photo", "photo-psnr")
ANCHORS: tuple[PillowAnchor, ...] = (AVIF, AVIF_SSIM, JXL, WEBP, JPEG)
REFERENCES = (AVIF, JXL, WEBP, JPEG)
QUALITIES = (1.5, 3.0, 4.5, 6.0, 8.0)
DEFAULTS = (
    "cwebp: cwebp -quiet {in} -o {out} | dwebp -quiet {in} -o {out}",
    "avifenc: avifenc --jobs 1 {in} {out.avif} | avifdec {in.avif} {out}",
    "cjxl: cjxl --num_threads=0 {in} {out.jxl} | djxl --num_threads=0 {in.jxl} {out}",
)
"""Each program as it is without options on quality."""


def measured(
    subject: Subject,
    pictures: Sequence[SourcePicture],
    metrics: Sequence[Metric],
    display: FilesDisplay,
    before: Mapping[str, Measurement],
) -> Measurement:
    """Measure a subject at its settings; of other codecs' ten settings, at every second one.

    What was measured `before` on the same pictures, by the same version, is not measured again.
    """
    every = 2 if len(subject.settings) > len(QUALITIES) else 1
    known = before.get(subject.name)
    if isinstance(subject, (PillowAnchor, ModelSubject)) and known is not None:
        wanted = subject.settings[::every], subject.describe(), {p.name for p in pictures}
        if wanted == (known.settings, known.description, {p.picture for p in known.points}):
            return known
    found = measure(
        subject,
        pictures,
        metrics=metrics,
        settings=subject.settings[::every],
        progress=display.next(subject.name),
    )
    sys.stderr.write(f"{subject.name} is measured\n")
    sys.stderr.flush()
    return found


def equal_quality(report: RdReport, reference: PillowAnchor) -> Table:
    """Return bits at equal quality against one codec by every metric, and the pictures won."""
    rows = []
    for measurement in report.measurements:
        for against in report.anchors:
            if against.label == reference.name != measurement.label:
                found = [compare(measurement, against, metric) for metric in report.metrics]
                rows.append((measurement.title, *map(_cell, found)))
    return Table(
        f"Bits at equal quality against {reference.title}, % (on how many pictures fewer)",
        ("codec", *(metric.title for metric in report.metrics)),
        tuple(rows),
    )


def _cell(comparison: Comparison) -> str:
    share = share_smaller([comparison])
    return f"{mean_cell(comparison.per_picture)} ({share.smaller}/{share.pictures})"


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


def measure_page(arguments: argparse.Namespace, command: Sequence[str]) -> None:
    """Measure one subject after the other; the page always has the tables of those that are done."""
    metrics = find_metrics(arguments.metrics.split(","))
    pictures = find_pictures(arguments.pictures)[:: arguments.every]
    codecs = {name: load(ROOT / "models" / name) for name in MODELS}
    for anchor in ANCHORS:
        anchor.check_installed()
    programs: list[Subject] = [
        ModelSubject(codecs["photo"], qualities=(DEFAULT_QUALITY,), name="vqzip (`photo`)"),
        *map(parse_command, DEFAULTS),
    ]
    models = [ModelSubject(codec, qualities=QUALITIES) for codec in codecs.values()]
    results = arguments.out / "results.json"
    before = read_measurements(results) if results.is_file() else {}
    with FilesDisplay() as display:
        single = [measured(program, pictures, metrics, display, before) for program in programs]
        subjects: list[Subject] = [ANCHORS[0], *models, *ANCHORS[1:]]
        curves: dict[str, Measurement] = {}
        for subject in subjects:
            curves[subject.name] = measured(subject, pictures, metrics, display, before)
            report = make_report(
                [curves[name] for name in MODELS if name in curves],
                [curves[anchor.name] for anchor in ANCHORS if anchor.name in curves],
                command,
                metrics,
            )
            write_report(report, arguments.out)
            part = page_part(report, single, len(pictures))
            page = with_marked_part(read_page(ROOT / PAGE), "looks", part, path=PAGE)
            (ROOT / PAGE).write_text(page, encoding="utf-8")


def page_part(report: RdReport, single: Sequence[Measurement], pictures: int) -> str:
    """Return the text between the markers."""
    versions = [f"{name} {version}" for name, version in report.versions.items()]
    versions += [anchor.description.partition(";")[0] for anchor in report.anchors]
    found = [equal_quality(report, reference) for reference in REFERENCES]
    parts = [
        paragraph(
            f"`{shlex.join(report.command)}`: {pictures} pictures, {len(QUALITIES)} settings of each "
            f"codec; {', '.join(dict.fromkeys(versions))}."
        ),
        *(table.markdown() for table in found if table.rows),
        defaults(single, report.metrics).markdown(),
    ]
    return "\n".join(parts)


def main() -> None:
    """Read the arguments; what cannot be done is one line on stderr."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("pictures", type=Path, help="folder of the report's pictures")
    parser.add_argument("--every", type=int, default=1, help="take every n-th picture")
    parser.add_argument(
        "--metrics", default=",".join(m.name for m in METRICS), help="with commas; default: all"
    )
    parser.add_argument("--out", type=Path, default=Path("results/looks"), help="of all points")
    arguments = parser.parse_args()
    # Where folders lie on this machine is of no use to a reader.
    options = ["--every", str(arguments.every), "--metrics", arguments.metrics]
    command = ["python", "-m", "tools.figures.looks", arguments.pictures.resolve().name, *options]
    try:
        with_marked_part(read_page(ROOT / PAGE), "looks", "", path=PAGE)
        measure_page(arguments, command)
    except VqzipError as error:
        sys.exit(f"{parser.prog}: {error}")


if __name__ == "__main__":
    main()
