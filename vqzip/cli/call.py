"""A call of encode or decode: its inputs, where outputs go, and what is printed."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from vqzip.cli.console import STREAM, check_output, output_beside, print_note, print_result
from vqzip.errors import UsageError
from vqzip.files import is_special, shown_name
from vqzip.threads import SWITCH, thread_count

if TYPE_CHECKING:
    from vqzip.batch.outcomes import Outcome
    from vqzip.batch.plan import Existing

_SEPARATORS = tuple(separator for separator in (os.sep, os.altsep) if separator)


@dataclass(frozen=True)
class Call:
    """What the command line says, beside the settings of the codec.

    Args:
        sources: files and folders.
        output: as it was written, because a slash at the end means a folder.
        recursive: work on folders.
        jobs: files at once; None for the number of cores.
        threads: for each file; None for the default.
        force: overwrite existing outputs.
        skip_existing: leave out files whose output exists.
        copy_others: copy other files.
        fail_fast: stop at the first error.
        dry_run: only say what would be done.
        as_json: print a line of JSON for each file.
        quiet: print errors only.
    """

    sources: tuple[Path, ...]
    output: str | None
    recursive: bool = False
    jobs: int | None = None
    threads: int | None = None
    force: bool = False
    skip_existing: bool = False
    copy_others: bool = False
    fail_fast: bool = False
    dry_run: bool = False
    as_json: bool = False
    quiet: bool = False

    def __post_init__(self) -> None:
        if self.skip_existing and self.force:
            raise UsageError("--skip-existing and --force ask for different things; give one.")
        if STREAM in self.sources and len(self.sources) > 1:
            raise UsageError("`-` reads one picture from stdin; name files or give only `-`.")
        if self.as_json and self.streams_out:
            raise UsageError("--json would mix with the data on stdout; name an output with -o.")
        if self.copy_others and self.folder is None:
            raise UsageError("--copy-others needs a folder to copy to; name it with -o.")
        if not self.is_single and self.streams_out:
            raise UsageError("stdout takes one picture; name a folder with -o.")

    @property
    def is_single(self) -> bool:
        """Whether one file is named, no folder."""
        return len(self.sources) == 1 and not self.sources[0].is_dir()

    @property
    def streams_out(self) -> bool:
        """Whether the output is stdout."""
        if self.output is None:
            return self.sources == (STREAM,)
        return self.output == str(STREAM)

    @property
    def folder(self) -> Path | None:
        """The folder for outputs; None if they go beside their inputs or to one file.

        Raises:
            UsageError: several inputs, and the output is a file.
        """
        if self.output is None or self.streams_out:
            return None
        path = Path(self.output)
        if self.output.endswith(_SEPARATORS) or path.is_dir():
            return path
        if self.is_single:
            return None
        if path.exists():
            raise UsageError(
                f"{path} is a file, and several outputs need a folder; name one with -o."
            )
        return path

    @property
    def existing(self) -> Existing:
        """What happens to outputs that exist."""
        return "replace" if self.force else "skip" if self.skip_existing else "refuse"

    def single_output(self, suffix: str) -> Path:
        """Return the output of the only input, `STREAM` for stdout.

        Raises:
            UsageError: there is no name for it.
        """
        source = self.sources[0]
        if self.streams_out:
            return STREAM
        if self.folder is not None:
            if source == STREAM or is_special(source):
                raise UsageError(f"{source} has no name; name an output file with -o.")
            return self.folder / source.with_suffix(suffix).name
        if self.output is not None:
            return Path(self.output)
        return output_beside(source, suffix)

    def ready_output(self, suffix: str) -> Path | None:
        """Return the output of the only input, in a folder that exists; None if nothing is to be done.

        Raises:
            UsageError: there is no name for it, or it is the input.
            PictureError: it exists already.
        """
        source, output = self.sources[0], self.single_output(suffix)
        if self.skip_existing and output.is_file():
            self.note(f"{output} exists; skipped.")
            return None
        if self.folder is not None and not self.dry_run:
            self.folder.mkdir(parents=True, exist_ok=True)
        if self.folder is None or not self.dry_run:
            check_output(output, source=source, force=self.force)
        if self.dry_run:
            print_result(f"{shown_name(source)} -> {shown_name(output)}")
            return None
        return output

    def note(self, text: str) -> None:
        """Print a line on stderr, unless the call is quiet."""
        if not self.quiet:
            print_note(text)

    def print_outcome(self, outcome: Outcome) -> None:
        """Print a line of JSON if it was asked for."""
        if self.as_json:
            print_result(json.dumps(outcome.plain()))

    @contextmanager
    def threads_set(self, files: int) -> Iterator[int]:
        """Set the number of threads for each file; yield how many files are worked on at once.

        Args:
            files: number of all files.
        """
        cores = thread_count()
        jobs = max(1, min(self.jobs or cores, files))
        before = os.environ.get(SWITCH)
        os.environ[SWITCH] = str(self.threads or max(1, cores // jobs))
        try:
            yield jobs
        finally:
            if before is None:
                del os.environ[SWITCH]
            else:
                os.environ[SWITCH] = before
