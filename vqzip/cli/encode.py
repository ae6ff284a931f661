"""`vqzip encode`: pictures to .vqz files."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from vqzip.cli.call import Call
from vqzip.cli.console import (
    STREAM,
    read_source,
    readable_size,
    readable_time,
    waiting,
    write_stdout,
)
from vqzip.cli.goals import (
    Bpp,
    Lossless,
    Match,
    MatchBy,
    MaxBytes,
    Model,
    MsSsim,
    Psnr,
    Quality,
    check_goals,
    model_of,
)
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
    Pictures,
    Quiet,
    Recursive,
    SkipExisting,
    Threads,
)
from vqzip.errors import UsageError
from vqzip.pictures.find import PICTURE_SUFFIXES

if TYPE_CHECKING:
    from vqzip.batch.encoding import Made, PictureEncoder
    from vqzip.batch.names import Task
    from vqzip.batch.outcomes import Outcome
    from vqzip.batch.settings import EncodeSettings
    from vqzip.batch.workers import Crew
    from vqzip.models.abilities import Compresses

HOW = "Encoder"
VQZ_SUFFIX = ".vqz"

Load = Callable[[], "Compresses"]
"""Loads the codec; not before outputs were checked."""


def encode(
    sources: Pictures,
    output: Annotated[
        str | None,
        typer.Option(
            "-o",
            "--output",
            metavar="OUT",
            help="The .vqz file, or a folder; - for stdout. Default: beside IN.",
        ),
    ] = None,
    recursive: Recursive = False,
    quality: Quality = None,
    bpp: Bpp = None,
    max_bytes: MaxBytes = None,
    psnr: Psnr = None,
    ms_ssim: MsSsim = None,
    match: Match = None,
    match_by: MatchBy = "psnr",
    lossless: Lossless = False,
    model: Model = None,
    effort: Annotated[
        int,
        typer.Option(
            min=0,
            max=3,
            help="Encoder effort: 0 is fastest. 2 and 3 refine the codes for fewer bits at the same PSNR, "
            "which takes many times as long; they need torch, a model made for PSNR, and a quality as the goal.",
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
    delete_source: Annotated[
        bool,
        typer.Option(
            "--delete-source",
            help="Delete each picture after its new file was decoded and compared. Pictures that .vqz does "
            "not keep fully stay.",
        ),
    ] = False,
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
    """Compress pictures to .vqz files.

    Each file names its model by a hash; only that model can decode it.
    """
    check_goals(quality, bpp, max_bytes, psnr, ms_ssim, match)
    name = model_of(model, lossless, quality, bpp, max_bytes, psnr, ms_ssim, match)
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
    from vqzip.batch.settings import EncodeSettings

    settings = EncodeSettings(
        quality=quality,
        bpp=bpp,
        max_bytes=max_bytes,
        psnr=psnr,
        ms_ssim=ms_ssim,
        match=match,
        match_by_ms_ssim=match_by == "ms-ssim",
        effort=effort,
        verify=verify,
        strip=strip,
        strict=strict,
        lossless=lossless,
        keep_hidden_colors=keep_hidden_colors,
        keep_times=keep_times,
        max_pixels=max_pixels,
        force=force,
        delete_source=delete_source,
    )
    encode_files = _encode_one if call.is_single else _encode_many
    encode_files(call, settings, partial(_load, name, device))


def _encode_one(call: Call, settings: EncodeSettings, load: Load) -> None:
    from vqzip.batch.encoding import PictureEncoder
    from vqzip.batch.names import Task

    source = call.sources[0]
    if settings.delete_source and (source == STREAM or call.streams_out):
        raise UsageError("--delete-source needs a file as the input and as the output.")
    _check_name(call.single_output(VQZ_SUFFIX), source)
    output = call.ready_output(VQZ_SUFFIX)
    if output is None:
        return
    with (
        call.threads_set(1),
        native_stderr_muted(),
        waiting(f"encoding {source}", quiet=call.quiet) as progress,
    ):
        encoder = PictureEncoder(load(), settings)
        if STREAM not in (source, output):
            outcome = encoder(Task(source, output), progress)
        else:
            given = read_source(source)
            made = encoder.make(given, progress)
            outcome = _streamed(encoder, made, Task(source, output))
    _say(call, outcome)
    call.print_outcome(outcome)


def _streamed(encoder: PictureEncoder, made: Made, task: Task) -> Outcome:
    """Write a file whose input or output is a stream."""
    from vqzip.pictures.write import write_atomically

    data, verify = made.encoded.data, encoder.settings.verify
    if task.output is None or task.output == STREAM:
        if verify:
            encoder.check(made)(data)
        write_stdout(data)
    else:
        check = encoder.check(made) if verify else None
        write_atomically(task.output, data, force=encoder.settings.force, check=check)
    return encoder.outcome(task, made, 0)


def _encode_many(call: Call, settings: EncodeSettings, load: Load) -> None:
    from vqzip.batch.encoding import PictureEncoder
    from vqzip.batch.inputs import find_pictures
    from vqzip.batch.plan import make_plan
    from vqzip.cli.many import Words, run_many

    inputs = find_pictures(call.sources, recursive=call.recursive, without=call.folder)
    plan = make_plan(
        inputs,
        VQZ_SUFFIX,
        folder=call.folder,
        existing=call.existing,
        copy_others=call.copy_others,
    )
    with call.threads_set(len(plan.tasks)) as jobs:

        def work(crew: Crew) -> PictureEncoder:
            return PictureEncoder(load(), settings, room=crew.room, may_write=crew.may_write)

        run_many(call, plan, work, jobs, Words("encoding", "encoded", "pictures"))


def _load(model: str, device: str) -> Compresses:
    from vqzip.families.known import load_model
    from vqzip.models.abilities import compressing

    return compressing(load_model(model, device))


def _say(call: Call, outcome: Outcome) -> None:
    """Print what was lost, and one line about the file."""
    from vqzip.pictures.not_kept import listed

    source, output = outcome.task.source, outcome.task.output
    if outcome.warnings:
        name = "the picture" if source == STREAM else source
        lost = listed(outcome.warnings)
        call.note(f"vqzip: warning: {name} has {lost}, which a .vqz file does not keep.")
    if "unused" in outcome.facts:
        call.note(f"vqzip: {outcome.facts['unused']}.")
    if outcome.facts["lossless"] and 0 < outcome.bytes_in < outcome.bytes_out:
        call.note(
            f"vqzip: {source} is smaller, so keep it; lossless .vqz files pay for photographs that were "
            "never JPEG, while PNG or WebP suits drawings and screenshots."
        )
    if output != STREAM:
        call.note(
            f"{output}: {readable_size(outcome.bytes_out)}, {outcome.note}, "
            f"{readable_time(outcome.seconds)}"
        )


def _check_name(output: Path, source: Path) -> None:
    """Refuse names of pictures: the new file would look like a damaged picture."""
    if source.is_file() and output.is_file() and output.samefile(source):
        # What is said of that is worse than its name.
        return
    if output.suffix.lower() in PICTURE_SUFFIXES:
        better = output.with_suffix(VQZ_SUFFIX)
        raise UsageError(
            f"{output} is a name for a picture, and this writes a .vqz file; use -o {better}."
        )
