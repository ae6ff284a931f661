"""`vqzip rd-curve`: rate and distortion of models and other codecs, measured on real files."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from vqzip.cli.console import print_error, print_note, stdout_console
from vqzip.cli.curve_settings import How, Others, command_line
from vqzip.cli.files_display import FilesDisplay
from vqzip.cli.native_stderr import native_stderr_muted
from vqzip.cli.options import DEFAULT_MAX_PIXELS, Device, Force, MaxPixels
from vqzip.errors import PictureError, UsageError
from vqzip.files import write_whole

if TYPE_CHECKING:
    from vqzip.measuring.report.tables import Table
    from vqzip.measuring.subject import Subject

NLL = "Likelihood tables"
CURVE_FILE, NLL_FILE = "results.json", "nll.json"


Images = Annotated[
    Path,
    typer.Argument(
        metavar="IMAGES", help="A picture, or a folder of pictures, searched recursively."
    ),
]
Models = Annotated[
    list[str] | None,
    typer.Option(
        "--model", help="Name of a model or a model folder; can be repeated. Default: photo."
    ),
]
Anchors = Annotated[
    str | None,
    typer.Option(
        metavar="LIST",
        help="Other codecs, separated by commas: jpeg, webp, avif, avif-ssim, avif-psnr, jpeg2000, "
        "jxl, heic. BD-rates compare with each of them; an empty list measures models alone. "
        "Default: jpeg, and jxl if its plugin is installed.",
    ),
]
Commands = Annotated[
    list[str] | None,
    typer.Option(
        "--anchor",
        metavar="COMMANDS",
        help="Another codec as 'NAME[SETTINGS]: ENCODE {in} {out} {q} | DECODE {in} {out}'; can be "
        "repeated.",
    ),
]
Metrics = Annotated[
    str,
    typer.Option(
        metavar="LIST",
        help="Separated by commas: psnr, ms-ssim, and the slower jod (ColorVideoVDP), butteraugli, "
        "ssimulacra2.",
    ),
]
Qualities = Annotated[
    str | None,
    typer.Option(
        "-q",
        "--quality",
        metavar="LIST",
        help="Qualities, separated by commas. Default: 1 to 8.",
    ),
]
Effort = Annotated[int, typer.Option(min=0, max=3, help="Encoder effort.")]
Out = Annotated[
    Path | None,
    typer.Option(
        metavar="DIR",
        help="Folder for a page, JSON, CSV and plots. Default: only print the tables.",
    ),
]
Nll = Annotated[
    bool,
    typer.Option(
        "--nll",
        help="Instead, measure the likelihood of each level's codes on training and validation "
        "pictures.",
        rich_help_panel=NLL,
    ),
]
TrainData = Annotated[
    Path | None,
    typer.Option(
        metavar="DIR", help="Pictures that the model was trained on.", rich_help_panel=NLL
    ),
]
ValidData = Annotated[
    Path | None,
    typer.Option(
        metavar="DIR",
        help="Pictures that it has not seen. Default: IMAGES.",
        rich_help_panel=NLL,
    ),
]


def rd_curve(
    images: Images,
    models: Models = None,
    anchors: Anchors = None,
    commands: Commands = None,
    metrics: Metrics = "psnr,ms-ssim",
    quality: Qualities = None,
    effort: Effort = 1,
    out: Out = None,
    nll: Nll = False,
    train_data: TrainData = None,
    valid_data: ValidData = None,
    device: Device = "auto",
    max_pixels: MaxPixels = DEFAULT_MAX_PIXELS,
    force: Force = False,
) -> None:
    """Measure rate and distortion.

    Every picture is encoded to a file at every quality and decoded again. The tables have bits per
    pixel and per dimension, MSE on [0, 1], all metrics, times, BD-rates against each other codec, the
    number of pictures on which a model is smaller, and how even its qualities are.
    """
    if nll != (train_data is not None):
        raise UsageError("--nll and --train-data go together; give both or neither.")
    if valid_data is not None and not nll:
        raise UsageError("--valid-data is for --nll.")
    qualities = None if quality is None else _parse_qualities(quality)
    if out is not None:
        _check_folder(out, images, force=force)

    from vqzip.autoencoders.torch_weights import checked_device

    how = How(qualities, effort, str(checked_device(device)), max_pixels)
    names = models or ["photo"]
    if train_data is not None:
        _likelihoods(names, train_data, valid_data or images, how, out)
    else:
        others = Others(None if anchors is None else _names(anchors), tuple(commands or ()))
        _curves(names, others, _names(metrics), images, how, out)


def _curves(
    models: list[str],
    others: Others,
    metrics: tuple[str, ...],
    images: Path,
    how: How,
    out: Path | None,
) -> None:
    from vqzip.codec.codec import load
    from vqzip.measuring.measure import measure, without_pictures
    from vqzip.measuring.metrics.known import find_metrics
    from vqzip.measuring.report.files import write_report
    from vqzip.measuring.report.gallery import Gallery
    from vqzip.measuring.report.report import make_report, report_tables
    from vqzip.measuring.source_pictures import find_pictures, readable_pictures
    from vqzip.measuring.subject import ModelSubject

    failed: dict[str, str] = {}
    with native_stderr_muted():
        pictures = readable_pictures(find_pictures(images), failed, how.max_pixels)
    found = find_metrics(metrics)
    gallery = Gallery.of([source.name for source in pictures] if out is not None else [])
    subjects: list[Subject] = [
        ModelSubject(
            load(name, how.device),
            qualities=how.qualities,
            effort=how.effort,
            name=name if len(models) > 1 else None,
            max_pixels=how.max_pixels,
        )
        for name in models
    ]
    subjects += others.find()
    with FilesDisplay() as display:
        measured = [
            measure(
                subject,
                [source for source in pictures if source.name not in failed],
                metrics=found,
                device=how.device,
                max_pixels=how.max_pixels,
                progress=display.next(subject.name),
                failed=failed,
                seen=gallery.take,
            )
            for subject in subjects
        ]
        shown = gallery.without(tuple(failed)).pictures(display.next("page"))
    measured = [without_pictures(measurement, failed) for measurement in measured]
    count = len(models)
    report = make_report(measured[:count], measured[count:], command_line(), found)
    # Files first: a reader of what is printed may go away, such as `head`.
    written = () if out is None else write_report(report, out, shown)
    for table in report_tables(report):
        _print_table(table)
    for path in written:
        print_note(str(path))
    _name_failed(failed)


def _name_failed(failed: dict[str, str]) -> None:
    """Name the pictures that could not be measured, and end with status 1 if there are some.

    Raises:
        Exit: there are.
    """
    for name, reason in failed.items():
        print_error(f"{name} is not in the results: {reason}")
    if failed:
        raise typer.Exit(1)


def _likelihoods(models: list[str], train: Path, valid: Path, how: How, out: Path | None) -> None:
    from vqzip.codec.codec import load
    from vqzip.measuring.float_prior import load_both
    from vqzip.measuring.nll import measure_nll, nll_table, priors_table
    from vqzip.measuring.report.files import finite

    results = []
    failed: dict[str, str] = {}
    with FilesDisplay() as display:
        for name in models:
            codec = load(name, how.device)
            priors = load_both(codec.model, how.device)
            results += [
                measure_nll(
                    codec,
                    priors,
                    train,
                    valid,
                    quality=quality,
                    effort=how.effort,
                    device=how.device,
                    max_pixels=how.max_pixels,
                    progress=display.next(f"{name} q{quality:g}"),
                    failed=failed,
                )
                for quality in how.qualities or (4.0,)
            ]
    if out is not None:
        facts = {"command": command_line(), "results": [asdict(result) for result in results]}
        out.mkdir(parents=True, exist_ok=True)
        text = json.dumps(finite(facts), indent=1, allow_nan=False)
        write_whole(out / NLL_FILE, f"{text}\n".encode())
    for result in results:
        _print_table(nll_table(result))
        _print_table(priors_table(result))
    if out is not None:
        print_note(str(out / NLL_FILE))
    _name_failed(failed)


def _check_folder(out: Path, images: Path, *, force: bool) -> None:
    """Refuse early to overwrite pictures or the results of another run."""
    if out.is_dir() and images.is_dir() and out.samefile(images):
        raise UsageError(f"{out} holds the pictures; name another folder with --out.")
    if out.exists() and not out.is_dir():
        raise PictureError(f"{out} is not a folder; name another with --out.")
    if not force and any((out / name).exists() for name in (CURVE_FILE, NLL_FILE)):
        raise PictureError(f"{out} already holds results; use --force to overwrite them.")


def _names(text: str) -> tuple[str, ...]:
    return tuple(name.strip() for name in text.split(",") if name.strip())


def _parse_qualities(text: str) -> tuple[float, ...]:
    try:
        qualities = tuple(float(part) for part in text.split(","))
    except ValueError:
        raise UsageError(
            f"--quality takes numbers separated by commas, such as 1,2.5,4; got '{text}'."
        ) from None
    for quality in qualities:
        if not (1 <= quality <= 8 and (8 * quality).is_integer()):
            raise UsageError(f"quality is 1 to 8 in steps of 1/8, got {quality:g}.")
    return qualities


def _print_table(table: Table) -> None:
    from rich.table import Table as RichTable

    printed = RichTable(title=table.title, title_justify="left", box=None, pad_edge=False)
    for number, column in enumerate(table.header):
        printed.add_column(column, justify="right" if number else "left")
    for row in table.rows:
        printed.add_row(*row)
    console = stdout_console()
    console.print(printed)
    console.print()
