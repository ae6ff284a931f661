"""`vqzip decode`: .vqz files to pictures."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from vqzip.cli.call import Call
from vqzip.cli.console import STREAM, read_source, readable_time, waiting, write_stdout
from vqzip.cli.native_stderr import native_stderr_muted
from vqzip.cli.options import (
    DEFAULT_MAX_PIXELS,
    AsJson,
    CopyOthers,
    Device,
    DryRun,
    FailFast,
    Force,
    Jobs,
    KeepTimes,
    MaxPixels,
    Quiet,
    Recursive,
    SkipExisting,
    Threads,
    VqzFiles,
)
from vqzip.errors import UsageError

if TYPE_CHECKING:
    from vqzip.batch.outcomes import Outcome
    from vqzip.batch.settings import DecodeSettings
    from vqzip.batch.workers import Crew


def decode(
    sources: VqzFiles,
    output: Annotated[
        str | None,
        typer.Option(
            "-o",
            "--output",
            metavar="OUT",
            help="Picture in any format that Pillow writes, or a folder; - for stdout. Default: beside IN.",
        ),
    ] = None,
    recursive: Recursive = False,
    suffix: Annotated[
        str | None,
        typer.Option(
            "--format",
            metavar="SUFFIX",
            help="Format where OUT does not name one, such as png, webp, jpg, avif or tif. Default: png.",
            show_default=False,
        ),
    ] = None,
    output_quality: Annotated[
        int | None,
        typer.Option(
            min=1,
            max=100,
            help="Quality of a JPEG (default: 95), AVIF (default: 100) or WebP (default: lossless).",
            show_default=False,
        ),
    ] = None,
    levels: Annotated[
        int | None,
        typer.Option(min=1, help="Decode only this many levels, coarse first, as a preview."),
    ] = None,
    reduction: Annotated[
        int,
        typer.Option(
            metavar="N",
            help="Divide the sides by 2, 4, 8, 16 or 32: thumbnails from the coarse levels, which is much faster.",
        ),
    ] = 1,
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
    jobs: Jobs = None,
    threads: Threads = None,
    skip_existing: SkipExisting = False,
    copy_others: CopyOthers = False,
    fail_fast: FailFast = False,
    dry_run: DryRun = False,
    as_json: AsJson = False,
    quiet: Quiet = False,
    force: Force = False,
) -> None:
    """Decompress .vqz files to pictures."""
    rectangle = None if region is None else _parse_region(region)
    call = Call(
        sources=tuple(sources),
        output=output,
        recursive=recursive,
        jobs=jobs,
        threads=threads,
        force=force,
        skip_existing=skip_existing,
        copy_others=copy_others,
        fail_fast=fail_fast,
        dry_run=dry_run,
        as_json=as_json,
        quiet=quiet,
    )
    from vqzip.batch.settings import DecodeSettings

    settings = DecodeSettings(
        levels=levels,
        reduction=reduction,
        partial=partial,
        region=rectangle,
        quality=output_quality,
        strip=strip,
        keep_times=keep_times,
        max_pixels=max_pixels,
        force=force,
    )
    decode_files = _decode_one if call.is_single else _decode_many
    decode_files(call, settings, _suffix(call, suffix), model, device)


def _decode_one(
    call: Call, settings: DecodeSettings, suffix: str, model: str | None, device: str
) -> None:
    from vqzip.batch.decoding import Codecs, PictureDecoder
    from vqzip.batch.names import Task
    from vqzip.pictures.write import format_of, options_of

    source = call.sources[0]
    output = call.ready_output(suffix)
    if output is None:
        return
    image_format = format_of(Path(f"a{suffix}") if output == STREAM else output)
    options_of(image_format, settings.quality)
    with (
        call.threads_set(1),
        native_stderr_muted(),
        waiting(f"decoding {source}", quiet=call.quiet) as progress,
    ):
        decoder = PictureDecoder(Codecs(model, device).codec_for, settings)
        task = Task(source, output)
        if STREAM not in (source, output):
            outcome = decoder(task, progress)
        else:
            given = read_source(source)
            data = given if isinstance(given, bytes) else given.read_bytes()
            shown = decoder.make(data, image_format, progress, name=str(source))
            _write(shown.data, output, force=call.force)
            outcome = decoder.outcome(task, shown, len(data))
    _say(call, outcome)
    call.print_outcome(outcome)


def _write(data: bytes, output: Path, *, force: bool) -> None:
    from vqzip.pictures.write import write_atomically

    if output == STREAM:
        write_stdout(data)
    else:
        write_atomically(output, data, force=force)


def _decode_many(
    call: Call, settings: DecodeSettings, suffix: str, model: str | None, device: str
) -> None:
    from vqzip.batch.decoding import Codecs, PictureDecoder
    from vqzip.batch.inputs import find_vqz_files
    from vqzip.batch.plan import make_plan
    from vqzip.cli.many import Words, run_many
    from vqzip.pictures.write import format_of, options_of

    options_of(format_of(Path(f"a{suffix}")), settings.quality)
    inputs = find_vqz_files(call.sources, recursive=call.recursive, without=call.folder)
    plan = make_plan(
        inputs,
        suffix,
        folder=call.folder,
        existing=call.existing,
        copy_others=call.copy_others,
    )
    with call.threads_set(len(plan.tasks)) as jobs:

        def work(crew: Crew) -> PictureDecoder:
            codecs = Codecs(model, device)
            return PictureDecoder(
                codecs.codec_for, settings, room=crew.room, may_write=crew.may_write
            )

        run_many(call, plan, work, jobs, Words("decoding", "decoded", "files"))


def _suffix(call: Call, wanted: str | None) -> str:
    """Return the suffix for outputs that the command line does not name.

    Raises:
        UsageError: it names one of another format.
    """
    suffix = f".{(wanted or 'png').lstrip('.').lower()}"
    if wanted is not None and call.output is not None and call.is_single:
        named = Path(call.output).suffix.lower()
        if not call.streams_out and call.folder is None and named != suffix:
            raise UsageError(f"-o {call.output} names its format itself; leave out --format.")
    return suffix


def _say(call: Call, outcome: Outcome) -> None:
    """Print what is missing, and one line about the picture."""
    source, output = outcome.task.source, outcome.task.output
    if "left" in outcome.facts:
        call.note(
            f"vqzip: {source} is truncated or damaged; decoded what is left: {outcome.facts['left']}."
        )
    for warning in outcome.warnings:
        call.note(f"vqzip: warning: {warning}; --strip leaves metadata out without this line.")
    if output != STREAM:
        call.note(f"{output}: {outcome.note}, {readable_time(outcome.seconds)}")


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
