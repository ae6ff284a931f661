"""The goals of `vqzip encode`: a quality, a size, or a distance from the original."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer

from vqzip.cli.options import parse_count
from vqzip.errors import ModelError, UsageError
from vqzip.quality import quality_number

Metric = Literal["psnr", "ms-ssim"]

HOW_GOOD = "Quality or size (at most one of these)"


def parse_quality(text: str | float) -> float:
    """Return the number of a quality, `4.125`, or of its name, `web`."""
    try:
        return quality_number(str(text))
    except ModelError as error:
        raise UsageError(str(error)) from error


Quality = Annotated[
    float | None,
    typer.Option(
        "-q",
        "--quality",
        parser=parse_quality,
        metavar="Q",
        help="Quality, 1 to 8 in steps of 1/8, or a name: thumbnail (1), web (4), good (6), archive (8). Each "
        "whole step takes about 1.6 times the bytes. Default: 6.",
        show_default=False,
        rich_help_panel=HOW_GOOD,
    ),
]

Bpp = Annotated[
    float | None,
    typer.Option(help="At most this many bits per pixel.", rich_help_panel=HOW_GOOD),
]

MaxBytes = Annotated[
    int | None,
    typer.Option(
        parser=parse_count,
        metavar="SIZE",
        help="At most this many bytes, such as 30k or 1.5M.",
        rich_help_panel=HOW_GOOD,
    ),
]

Psnr = Annotated[
    float | None,
    typer.Option(
        help="At least this PSNR in dB, in as few bytes as possible.", rich_help_panel=HOW_GOOD
    ),
]

MsSsim = Annotated[
    float | None,
    typer.Option(
        help="At least this MS-SSIM, such as 0.98, in as few bytes as possible; needs the extra `report`.",
        rich_help_panel=HOW_GOOD,
    ),
]

Match = Annotated[
    Path | None,
    typer.Option(
        metavar="FILE",
        help="No worse than this file of the same picture, such as a JPEG, in as few bytes as possible.",
        rich_help_panel=HOW_GOOD,
    ),
]

MatchBy = Annotated[
    Metric,
    typer.Option(
        help="What --match compares; ms-ssim needs the extra `report`.", rich_help_panel=HOW_GOOD
    ),
]

Lossless = Annotated[
    bool,
    typer.Option(
        "--lossless",
        help="Keep every sample, with the model exact. Pictures with samples that .vqz does not keep are refused.",
        rich_help_panel=HOW_GOOD,
    ),
]

Model = Annotated[
    str | None,
    typer.Option(
        help="Name of a model or a model folder. Default: photo.",
        show_default=False,
        rich_help_panel="Encoder",
    ),
]


def check_goals(
    quality: float | None,
    bpp: float | None,
    max_bytes: int | None,
    psnr: float | None,
    ms_ssim: float | None,
    match: Path | None = None,
) -> None:
    """Refuse two goals at once, and goals out of their range.

    Raises:
        UsageError: with the names of the options.
    """
    above_zero = {"--bpp": bpp, "--psnr": psnr, "--ms-ssim": ms_ssim}
    goals = {"-q": quality, "--max-bytes": max_bytes, "--match": match, **above_zero}
    given = [name for name, value in goals.items() if value is not None]
    if len(given) > 1:
        raise UsageError(f"{' and '.join(given)} ask for different things; give one of them.")
    for name, value in above_zero.items():
        if value is not None and not 0 < value < float("inf"):
            raise UsageError(f"{name} must be above zero, got {value:g}.")


def model_of(model: str | None, lossless: bool, *goals: object) -> str:
    """Return the name of the model that encodes.

    Args:
        model: that is asked for, or None.
        lossless: whether every sample is to be kept.
        goals: a quality or a size; None where none is given.

    Raises:
        UsageError: `--lossless` is given together with a goal or a model.
    """
    if not lossless:
        return model or "photo"
    if any(given is not None for given in (model, *goals)):
        raise UsageError("--lossless needs no quality, size or model; leave them out.")
    return "exact"
