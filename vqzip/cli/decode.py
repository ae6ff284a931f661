"""`vqzip decode`: a .vqz file to a picture."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Annotated

import typer

from vqzip.cli.console import (
    STREAM,
    check_output,
    output_beside,
    print_note,
    read_source_bytes,
    times_of,
    waiting,
    write_stdout,
)
from vqzip.cli.options import DEFAULT_MAX_PIXELS, Device, Force, KeepTimes, MaxPixels
from vqzip.errors import UsageError


def decode(
    source: Annotated[Path, typer.Argument(metavar="IN.vqz", help=".vqz file; - for stdin.")],
    output: Annotated[
        Path | None,
        typer.Option(
            "-o",
            "--output",
            help="Picture in any format that Pillow writes; - for stdout. Default: a PNG beside IN.vqz.",
        ),
    ] = None,
    levels: Annotated[
        int | None,
        typer.Option(min=1, help="Decode only this many levels, coarse first, as a preview."),
    ] = None,
    partial: Annotated[
        bool, typer.Option("--partial", help="Decode what is left of a truncated file.")
    ] = False,
    region: Annotated[
        str | None, typer.Option(metavar="X,Y,W,H", help="Decode this rectangle only, in pixels.")
    ] = None,
    model: Annotated[
        str | None,
        typer.Option(help="Folder of the model, if it is not installed."),
    ] = None,
    device: Device = "cpu",
    strip: Annotated[
        bool,
        typer.Option(
            "--strip", help="Leave out ICC, EXIF and XMP; colors are converted to sRGB before."
        ),
    ] = False,
    keep_times: KeepTimes = False,
    max_pixels: MaxPixels = DEFAULT_MAX_PIXELS,
    force: Force = False,
) -> None:
    """Decompress a .vqz file to a picture."""
    started = time.perf_counter()
    rectangle = None if region is None else _parse_region(region)
    output = output or output_beside(source, ".png")
    check_output(output, source=source, force=force)

    from vqzip.pictures.colors import stripped
    from vqzip.pictures.not_kept import listed
    from vqzip.pictures.write import format_of, write_atomically, written_picture

    image_format = "PNG" if output == STREAM else format_of(output)
    data = read_source_bytes(source)
    with waiting(f"decoding {source}"):
        from vqzip.families.known import load_model, load_model_for
        from vqzip.models.abilities import compressing

        loaded = load_model_for(data, device) if model is None else load_model(model, device)
        codec = compressing(loaded)
        picture = codec.decode_picture(
            data, levels=levels, partial=partial, region=rectangle, max_pixels=max_pixels
        )
    there = codec.completeness(data, max_pixels=max_pixels) if partial else None
    if there is not None and not there.whole:
        print_note(f"vqzip: {source} is truncated or damaged; decoded what is left: {there}.")
    written = written_picture(stripped(picture) if strip else picture, image_format)
    if written.left_out:
        print_note(
            f"vqzip: warning: {image_format} does not hold the picture's "
            f"{listed(written.left_out)}; --strip leaves metadata out without this line."
        )
    if output == STREAM:
        write_stdout(written.data)
        return
    times = times_of(source) if keep_times else None
    write_atomically(output, written.data, force=force, times=times)
    print_note(
        f"{output}: {picture.width} x {picture.height}, {time.perf_counter() - started:.1f} s"
    )


def _parse_region(text: str) -> tuple[int, int, int, int]:
    """Return left, top, width and height of `X,Y,W,H`."""
    try:
        left, top, width, height = (int(number) for number in text.split(","))
    except ValueError:
        raise UsageError(f"--region takes X,Y,W,H in whole pixels, got '{text}'.") from None
    if left < 0 or top < 0 or width < 1 or height < 1:
        raise UsageError(
            f"--region needs a corner inside the picture and at least one pixel, got '{text}'."
        )
    return left, top, width, height
