"""Measure the models, and write what the documents show of them: figures, plots, curves.

Pictures that nothing was trained or tuned on (Kodak's) give the figures: the part of docs/results/tables.md
between its two markers, and the plots in docs/pictures. Validation pictures give each model's own
curve: models/NAME/curve.json and the table of models/NAME/CARD.md, as training wrote them.

python -m tools.figures.results kodak --valid valid

Models that are not in the box can be measured beside those that are: `--also runs/mine/model`.
"""

from __future__ import annotations

import argparse
import importlib.util
import shlex
import shutil
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from tools.marked_parts import paragraph, read_page, with_marked_part
from vqzip.cli.files_display import FilesDisplay
from vqzip.cli.rd_curve import CURVE_FILE
from vqzip.codec.codec import Codec, load
from vqzip.errors import ModelError, PictureError, UsageError, VqzipError, missing_package
from vqzip.measuring.anchors.avif import AVIF, AVIF_SSIM
from vqzip.measuring.anchors.heif import HEIC
from vqzip.measuring.anchors.jxl import JXL
from vqzip.measuring.anchors.known import find_anchor, without_missing_plugins
from vqzip.measuring.anchors.pillow import JPEG, JPEG2000, WEBP
from vqzip.measuring.measure import measure
from vqzip.measuring.report.files import write_report
from vqzip.measuring.report.report import RdReport, make_report
from vqzip.measuring.source_pictures import find_pictures
from vqzip.measuring.subject import ModelSubject
from vqzip.models.folder import CARD, CURVE
from vqzip.models.places import CONFIG
from vqzip.pictures.picture import Picture
from vqzip.training.calibrate import curve_json, measure_curve, validation_pictures
from vqzip.training.data.pictures import open_pictures
from vqzip.training.model_card import with_curve
from vqzip.training.run import VALIDATION_PICTURES

ROOT = Path(__file__).resolve().parents[2]
PAGE, PLOT_FOLDER, MODELS = Path("docs/results/tables.md"), Path("docs/pictures"), Path("models")
TABLES, PLOTS = "tables.md", ("psnr.png", "ms_ssim.png")
ANCHORS = (JPEG, WEBP, AVIF, AVIF_SSIM, JPEG2000, HEIC, JXL)
"""The default table's, JPEG XL and HEIC where their plugins are installed."""
DEVICE = "cpu"
"""Where everything is measured; times on a GPU would not be those that the documents speak of."""


def load_models(names: Sequence[str]) -> dict[str, Codec]:
    """Return the codecs of the checkout's models by name, of all of them if none is named.

    Raises:
        ModelError: there is no such model in the checkout, or it is damaged.
    """
    root = ROOT / MODELS
    # Models without a curve write files without loss.
    known = sorted(
        path.parent.name for path in root.glob(f"*/{CONFIG}") if (path.parent / CURVE).is_file()
    )
    if not known:
        raise ModelError(f"there are no models in {root}; restore them.")
    for name in names:
        if name not in known:
            raise ModelError(f"there is no model '{name}' in {root}; it has {', '.join(known)}.")
    return {name: load(root / name, DEVICE) for name in names or known}


def load_others(folders: Sequence[Path], shipped: Mapping[str, Codec]) -> dict[str, Codec]:
    """Return by their names the codecs of models or training runs that are not in the box.

    Raises:
        ModelError: a folder is no model, or its model is called like another one.
    """
    others: dict[str, Codec] = {}
    for folder in folders:
        codec = load(folder, DEVICE)
        name = codec.model.config.name
        if name in shipped or name in others:
            raise ModelError(f"two models are called '{name}'; train one with --set name=another.")
        others[name] = codec
    return others


def check_packages(*packages: str) -> None:
    """Refuse at the start what would fail, or lack a column, after hours.

    Raises:
        UsageError: one of the packages is not installed.
    """
    for package in packages:
        if importlib.util.find_spec(package) is None:
            raise missing_package(package.replace("_", "-"), "measuring again")


def check_figures(pictures: Path, anchors: Sequence[str], out: Path, *, force: bool) -> None:
    """Refuse at the start what would fail after hours, or replace another run's results.

    Raises:
        PictureError: there are no pictures, or no folder for results.
        UsageError: an anchor or a package is missing, or the place for page or plots.
    """
    check_packages("matplotlib", "pytorch_msssim", "scipy")
    find_pictures(pictures)
    for name in anchors:
        find_anchor(name)
    with_figures(read_page(ROOT / PAGE), "")
    if not (ROOT / PLOT_FOLDER).is_dir():
        raise UsageError(f"there is no folder {ROOT / PLOT_FOLDER} for the plots; make it.")
    if out.exists() and not out.is_dir():
        raise PictureError(f"{out} is not a folder; name another with --out.")
    if (out / CURVE_FILE).exists() and not force:
        raise PictureError(f"{out} already holds results; use --force to overwrite them.")


def with_figures(page: str, figures: str) -> str:
    """Return a page with other figures between its markers, and nothing else changed.

    Raises:
        UsageError: the markers are not there once each, the first one first.
    """
    return with_marked_part(page, "figures", figures, path=PAGE)


def command_line(
    pictures: Path, models: Sequence[str], anchors: Sequence[str], out: Path
) -> tuple[str, ...]:
    """Return the command line that measures the same figures."""
    named = [word for name in models for word in ("--model", name)]
    others = ["--anchors", ",".join(anchors), "--out", str(out), "--device", DEVICE]
    return ("vqzip", "rd-curve", str(pictures), *named, *others)


def measure_figures(
    codecs: Mapping[str, Codec], anchors: Sequence[str], pictures: Path, out: Path
) -> RdReport:
    """Measure as `vqzip rd-curve` does, and compare."""
    found = find_pictures(pictures)
    with FilesDisplay() as display:
        measured_models = [
            measure(
                ModelSubject(codec, name=name), found, device=DEVICE, progress=display.next(name)
            )
            for name, codec in codecs.items()
        ]
        measured_anchors = [
            measure(find_anchor(name), found, device=DEVICE, progress=display.next(name))
            for name in anchors
        ]
    command = command_line(pictures, list(codecs), anchors, out)
    return make_report(measured_models, measured_anchors, command)


def origin(report: RdReport, codecs: Mapping[str, Codec], command: Sequence[str]) -> str:
    """Return the sentence that says what figures come from: command, models, versions, machine."""
    models = [f"`{name}` (id `{codec.model.id.hex()[:16]}`)" for name, codec in codecs.items()]
    versions = [f"{package} {version}" for package, version in report.versions.items()]
    versions += [anchor.description.partition(";")[0] for anchor in report.anchors]
    machine = f"{report.machine['processor']}, {report.machine['cores']} cores"
    return paragraph(
        f"`{shlex.join(command)}` with {', '.join(models)}; "
        f"{', '.join(dict.fromkeys(versions))}; {machine}."
    )


def write_figures(
    codecs: Mapping[str, Codec], anchors: Sequence[str], pictures: Path, out: Path
) -> None:
    """Measure the figures into `out`, and write page and plots from there."""
    report = measure_figures(codecs, anchors, pictures, out)
    written = write_report(report, out)
    # Where folders lie on this machine is of no use to a reader; results.json knows it.
    names = Path(pictures.resolve().name), Path(out.resolve().name)
    command = command_line(names[0], list(codecs), anchors, names[1])
    tables = (out / TABLES).read_text(encoding="utf-8")
    figures = f"{origin(report, codecs, command)}\n{tables}"
    (ROOT / PAGE).write_text(with_figures(read_page(ROOT / PAGE), figures), encoding="utf-8")
    say(ROOT / PAGE)
    for name in PLOTS:
        if out / name in written:
            shutil.copyfile(out / name, ROOT / PLOT_FOLDER / name)
            say(ROOT / PLOT_FOLDER / name)


def pictures_of_curves(codecs: Mapping[str, Codec], valid: Path) -> dict[str, list[Picture]]:
    """Return the pictures that each model's curve is measured on, the same as at its export.

    Raises:
        ModelError: a model has no card, or one without a table.
        TrainingError: there are no pictures, or none that will do.
        UsageError: a package is missing.
    """
    check_packages("pytorch_msssim")
    found = open_pictures(valid)
    for codec in codecs.values():
        with_curve(read_card(codec.model.path), [])
    return {
        name: validation_pictures(found, codec.model.config.vqvae.align, VALIDATION_PICTURES)
        for name, codec in codecs.items()
    }


def read_card(folder: Path) -> str:
    """Return the text of a model's card.

    Raises:
        ModelError: it is not there.
    """
    path = folder / CARD
    if not path.is_file():
        raise ModelError(f"there is no card {path} to write a table into; restore it.")
    return path.read_text(encoding="utf-8")


def write_curve(codec: Codec, pictures: Sequence[Picture]) -> None:
    """Measure a model's curve and write it to `curve.json` and the table of its card."""
    folder = codec.model.path
    points = measure_curve(codec, pictures)
    (folder / CURVE).write_text(curve_json(points), encoding="utf-8")
    (folder / CARD).write_text(with_curve(read_card(folder), points), encoding="utf-8")
    for name in (CURVE, CARD):
        say(folder / name)


def say(path: Path) -> None:
    """Print the path of a file that was written."""
    sys.stdout.write(f"{path}\n")
    sys.stdout.flush()


def update(arguments: argparse.Namespace) -> None:
    """Load and check everything, then measure and write what was asked for."""
    anchors = [name.strip() for name in arguments.anchors.split(",") if name.strip()]
    codecs = load_models(arguments.model)
    others = load_others(arguments.also, codecs)
    validation: dict[str, list[Picture]] = {}
    if not arguments.only_curves:
        check_figures(arguments.pictures, anchors, arguments.out, force=arguments.force)
    if not arguments.only_figures:
        validation = pictures_of_curves(codecs, arguments.valid)
    if not arguments.only_curves:
        write_figures({**codecs, **others}, anchors, arguments.pictures, arguments.out)
    for name, pictures in validation.items():
        write_curve(codecs[name], pictures)


def main() -> None:
    """Read the arguments; what cannot be done is one line on stderr."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("pictures", type=Path, nargs="?", help="folder of the report's pictures")
    parser.add_argument("--valid", type=Path, help="folder of the validation pictures")
    parser.add_argument(
        "--model", action="append", default=[], help="in models/; may be repeated; default: all"
    )
    parser.add_argument(
        "--also",
        action="append",
        type=Path,
        default=[],
        help="a run, for the figures alone; may be repeated",
    )
    parser.add_argument(
        "--anchors",
        default=",".join(without_missing_plugins(*ANCHORS)),
        help="other codecs, with commas",
    )
    parser.add_argument("--out", type=Path, default=Path("results"), help="folder of the results")
    parser.add_argument("--force", action="store_true", help="replace the results in --out")
    parts = parser.add_mutually_exclusive_group()
    parts.add_argument("--only-figures", action="store_true", help="no curves of models")
    parts.add_argument("--only-curves", action="store_true", help="no page, no plots")
    arguments = parser.parse_args()
    if arguments.pictures is None and not arguments.only_curves:
        parser.error("name the folder of the report's pictures, or give --only-curves")
    if arguments.valid is None and not arguments.only_figures:
        parser.error("name the folder of validation pictures with --valid, or give --only-figures")
    try:
        update(arguments)
    except VqzipError as error:
        sys.exit(f"{parser.prog}: {error}")


if __name__ == "__main__":
    main()
