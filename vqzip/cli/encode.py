"""`vqzip encode`: a picture to a .vqz file."""

from __future__ import annotations

import time
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from vqzip.cli.console import (
    STREAM,
    check_output,
    output_beside,
    print_note,
    read_source,
    readable_size,
    times_of,
    waiting,
    write_stdout,
)
from vqzip.cli.native_stderr import native_stderr_muted
from vqzip.cli.options import DEFAULT_MAX_PIXELS, Device, Force, KeepTimes, MaxPixels
from vqzip.errors import CodingError, UsageError, VqzipError

if TYPE_CHECKING:
    from vqzip.codec.target import Target
    from vqzip.models.abilities import Compresses, Written
    from vqzip.pictures.picture import Picture

DEFAULT_QUALITY = 4.0
HOW_GOOD = "Quality or size (at most one of these)"
HOW = "Encoder"


def encode(
    source: Annotated[
        Path,
        typer.Argument(metavar="IN", help="Picture in any format that Pillow reads; - for stdin."),
    ],
    output: Annotated[
        Path | None,
        typer.Option("-o", "--output", help="The .vqz file; - for stdout. Default: beside IN."),
    ] = None,
    quality: Annotated[
        float | None,
        typer.Option(
            "-q",
            "--quality",
            min=1,
            max=8,
            help="Quality, in steps of 1/8; each whole step takes about 1.43 times the bytes. Default: 4.",
            show_default=False,
            rich_help_panel=HOW_GOOD,
        ),
    ] = None,
    bpp: Annotated[
        float | None,
        typer.Option(help="At most this many bits per pixel.", rich_help_panel=HOW_GOOD),
    ] = None,
    max_bytes: Annotated[
        int | None,
        typer.Option(min=1, help="At most this many bytes.", rich_help_panel=HOW_GOOD),
    ] = None,
    psnr: Annotated[
        float | None,
        typer.Option(
            help="At least this PSNR in dB, in as few bytes as possible.", rich_help_panel=HOW_GOOD
        ),
    ] = None,
    model: Annotated[
        str, typer.Option(help="Name of a model or a model folder.", rich_help_panel=HOW)
    ] = "photo",
    effort: Annotated[
        int,
        typer.Option(
            min=0,
            max=3,
            help="Encoder effort: 0 is fastest. 2 and 3 refine the codes for fewer bits at the same PSNR, "
            "which takes many times as long; they need torch and a model made for PSNR.",
            rich_help_panel=HOW,
        ),
    ] = 1,
    device: Device = "cpu",
    verify: Annotated[
        bool,
        typer.Option(
            "--verify/--no-verify",
            help="Decode the new file and compare its codes before it is put in place.",
            rich_help_panel=HOW,
        ),
    ] = False,
    strip: Annotated[
        bool,
        typer.Option(
            "--strip", help="Leave out ICC, EXIF and XMP; colors are converted to sRGB first."
        ),
    ] = False,
    strict: Annotated[
        bool,
        typer.Option(
            "--strict",
            help="Refuse pictures that .vqz does not keep fully (16 bits, CMYK, animation).",
        ),
    ] = False,
    keep_hidden_colors: Annotated[
        bool,
        typer.Option(
            "--keep-hidden-colors",
            help="Keep the colors of wholly transparent pixels; otherwise they are replaced by ones "
            "that take few bytes.",
        ),
    ] = False,
    keep_times: KeepTimes = False,
    max_pixels: MaxPixels = DEFAULT_MAX_PIXELS,
    force: Force = False,
) -> None:
    """Compress a picture to a .vqz file.

    The file names its model by a hash; only that model can decode it.
    """
    started = time.perf_counter()
    _check_goals(quality, bpp, max_bytes, psnr)
    output = output or output_beside(source, ".vqz")
    check_output(output, source=source, force=force)

    from vqzip.pictures.read import read_file

    given = read_source(source)
    with native_stderr_muted():
        found = read_file(given, max_pixels=max_pixels)
    if strip:
        found = found.stripped()
    if strict:
        found.refuse_losses()
    if found.warning is not None:
        print_note(f"vqzip: warning: {found.warning}.")
    picture = found.picture
    target = _target(picture, bpp, max_bytes, psnr)
    with waiting(f"encoding {source}"):
        from vqzip.families.known import load_model
        from vqzip.models.abilities import compressing

        codec = compressing(load_model(model, device))
        encoded = _encode(
            codec,
            picture,
            target,
            quality or DEFAULT_QUALITY,
            effort,
            keep_hidden_colors=keep_hidden_colors,
        )
    check = partial(_verify, codec, encoded, max_pixels) if verify else None
    if output == STREAM:
        if check is not None:
            check(encoded.data)
        write_stdout(encoded.data)
        return

    from vqzip.pictures.write import write_atomically

    times = times_of(source) if keep_times else None
    write_atomically(output, encoded.data, force=force, check=check, times=times)
    rate_bpp = 8 * len(encoded.data) / (picture.width * picture.height)
    reached = f"quality {encoded.quality:g}"
    if not codec.has_qualities:
        reached = f"the only quality of {codec.name}"
    print_note(
        f"{output}: {readable_size(len(encoded.data))}, {rate_bpp:.3f} bpp, {reached}, "
        f"{time.perf_counter() - started:.1f} s"
    )


def _encode(
    codec: Compresses,
    picture: Picture,
    target: Target | None,
    quality: float,
    effort: int,
    *,
    keep_hidden_colors: bool,
) -> Written:
    if target is None:
        return codec.encode_picture(
            picture, quality=quality, effort=effort, keep_hidden_colors=keep_hidden_colors
        )
    from vqzip.codec.codec import Codec
    from vqzip.codec.target import encode_to_target

    if not isinstance(codec, Codec):
        raise UsageError(
            f"the model '{codec.name}' cannot aim at a size or a PSNR; leave them out."
        )
    return encode_to_target(
        codec, picture, target, effort=effort, keep_hidden_colors=keep_hidden_colors
    )


def _verify(codec: Compresses, encoded: Written, max_pixels: int, data: bytes) -> None:
    """Decode the written file and compare it with what was encoded."""
    try:
        same = codec.holds(data, encoded, max_pixels=max_pixels)
    except VqzipError:
        same = False
    if not same:
        raise CodingError(
            "the file does not decode to its own codes and was not kept; please report this picture."
        )


def _check_goals(
    quality: float | None, bpp: float | None, max_bytes: int | None, psnr: float | None
) -> None:
    """Refuse two goals at once, and a quality that is not in steps of 1/8."""
    goals = {"-q": quality, "--bpp": bpp, "--max-bytes": max_bytes, "--psnr": psnr}
    given = [name for name, value in goals.items() if value is not None]
    if len(given) > 1:
        raise UsageError(f"{' and '.join(given)} ask for different things; give one of them.")
    if quality is not None and not (8 * quality).is_integer():
        raise UsageError(f"quality goes in steps of 1/8, as 4.125 or 4.25; got {quality:g}.")
    for name, value in (("--bpp", bpp), ("--psnr", psnr)):
        if value is not None and not 0 < value < float("inf"):
            raise UsageError(f"{name} must be above zero, got {value:g}.")


def _target(
    picture: Picture, bpp: float | None, max_bytes: int | None, psnr: float | None
) -> Target | None:
    if bpp is None and max_bytes is None and psnr is None:
        return None
    from vqzip.codec.target import Target

    if bpp is not None:
        max_bytes = int(bpp * picture.width * picture.height / 8)
    return Target(max_bytes=max_bytes, psnr_db=psnr)
