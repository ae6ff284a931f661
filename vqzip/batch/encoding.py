"""Encodes one file of a call: reads, encodes, verifies, writes, and deletes the source if asked to."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from vqzip.batch.names import Task
from vqzip.batch.outcomes import Outcome
from vqzip.batch.settings import EncodeSettings, Permission, Room
from vqzip.codec.codec import DEFAULT_QUALITY, Codec
from vqzip.codec.lossless.codec import LosslessFile
from vqzip.codec.progress import Progress
from vqzip.codec.target import Target, encode_to_target, unused
from vqzip.container.fields import MAGIC
from vqzip.errors import CodingError, PictureError, UsageError, VqzipError
from vqzip.files import is_special
from vqzip.models.abilities import Compresses, Written
from vqzip.pictures.picture import Picture
from vqzip.pictures.read import PictureRead, read_file
from vqzip.pictures.write import write_atomically


@dataclass(frozen=True)
class Made:
    """A file in memory.

    Args:
        encoded: the file and its codes.
        picture: that was encoded.
        warnings: what was lost.
        unused: one clause if the target is out of the model's range.
    """

    encoded: Written
    picture: Picture
    warnings: tuple[str, ...]
    unused: str | None


class PictureEncoder:
    """Encodes files with one codec; threads may share it.

    Args:
        codec: of the model.
        settings: for all files.
        room: limits the memory of pictures that are encoded at once.
        may_write: is entered for writing.
    """

    def __init__(
        self,
        codec: Compresses,
        settings: EncodeSettings,
        *,
        room: Room = lambda _: nullcontext(),
        may_write: Permission = nullcontext,
    ) -> None:
        self.codec, self.settings = codec, settings
        self._has_target = settings.has_target
        self._room, self._may_write = room, may_write

    def __call__(self, task: Task, progress: Progress | None = None) -> Outcome:
        """Encode a file and write the result.

        Raises:
            VqzipError: the picture cannot be read or encoded, or the file cannot be written.
        """
        started = time.perf_counter()
        before = task.source.stat()
        times = times_of(task.source) if self.settings.keep_times else None
        made = self.make(task.source, progress)
        output, note = task.output, ""
        if output is not None:
            with self._may_write():
                write_atomically(
                    output,
                    made.encoded.data,
                    force=self.settings.force,
                    check=self.check(made) if self.settings.verify or self._deletes else None,
                    times=times,
                )
                note = self._delete(task.source, before, made)
        outcome = self.outcome(task, made, before.st_size)
        seconds = time.perf_counter() - started
        return replace(outcome, seconds=seconds, note=f"{outcome.note}{note}")

    def make(self, source: Path | bytes, progress: Progress | None = None) -> Made:
        """Read a picture and encode it in memory.

        Raises:
            VqzipError: it cannot be read or encoded.
        """
        settings = self.settings
        found = read_picture(source, settings.max_pixels)
        if settings.strip:
            found = found.stripped()
        if settings.strict:
            found.refuse_losses()
        if settings.lossless:
            found.refuse_changed_samples()
        picture = found.picture
        target = settings.target(picture) if self._has_target else None
        with self._room(picture.width * picture.height):
            if target is None:
                encoded, far = self._to_quality(picture, progress), None
            else:
                encoded, far = self._to_target(picture, target, progress)
        return Made(encoded, picture, (*found.losses, *found.text_losses), far)

    def _to_quality(self, picture: Picture, progress: Progress | None) -> Written:
        quality = self.settings.quality or DEFAULT_QUALITY
        effort, hidden = self.settings.effort, self.settings.keep_hidden_colors
        if isinstance(self.codec, Codec):
            return self.codec.encode_picture(
                picture,
                quality=quality,
                effort=effort,
                keep_hidden_colors=hidden,
                progress=progress,
            )
        return self.codec.encode_picture(
            picture, quality=quality, effort=effort, keep_hidden_colors=hidden
        )

    def _to_target(
        self, picture: Picture, target: Target, progress: Progress | None
    ) -> tuple[Written, str | None]:
        """Return the file, and one clause if the target is out of the model's range."""
        codec, hidden = self.codec, self.settings.keep_hidden_colors
        if not isinstance(codec, Codec):
            raise UsageError(
                f"the model '{codec.name}' cannot aim at a size or a PSNR; leave them out."
            )
        encoded = encode_to_target(
            codec,
            picture,
            target,
            effort=self.settings.effort,
            keep_hidden_colors=hidden,
            progress=progress,
        )
        return encoded, unused(codec, picture, target, encoded, keep_hidden_colors=hidden)

    def check(self, made: Made) -> Callable[[bytes], None]:
        """Return the check of a written file: it must decode to its own codes.

        If the source is going to be deleted, its pixels and metadata are decoded, too.
        """

        def check(written: bytes) -> None:
            limit, codec = self.settings.max_pixels, self.codec
            try:
                same = codec.holds(written, made.encoded, max_pixels=limit)
                if same and self._deletes:
                    decoded = codec.decode_picture(written, max_pixels=limit)
                    same = _same_but_for_colors(decoded, made.picture)
            except VqzipError:
                same = False
            if not same:
                raise CodingError(
                    "the file does not decode to its own codes and was not kept; please report this "
                    "picture."
                )

        return check

    def outcome(self, task: Task, made: Made, bytes_in: int) -> Outcome:
        """Return what came of a file that was encoded."""
        encoded, picture = made.encoded, made.picture
        size = len(encoded.data)
        rate_bpp = 8 * size / (picture.width * picture.height)
        reached = f"quality {encoded.quality:g}"
        if not self.codec.has_qualities:
            reached = f"the only quality of {self.codec.name}"
        lossless = isinstance(encoded, LosslessFile)
        if lossless:
            reached = "lossless"
        facts: dict[str, Any] = {
            "width": picture.width,
            "height": picture.height,
            "model": self.codec.name,
            "quality": encoded.quality,
            "lossless": lossless,
            "rate_bpp": round(rate_bpp, 5),
        }
        if made.unused is not None:
            facts["unused"] = made.unused
        return Outcome(
            task,
            bytes_in=bytes_in,
            bytes_out=size,
            facts=facts,
            warnings=made.warnings,
            note=f"{rate_bpp:.3f} bpp, {reached}",
        )

    @property
    def _deletes(self) -> bool:
        return self.settings.delete_source

    def _delete(self, source: Path, before: os.stat_result, made: Made) -> str:
        """Delete a source whose file was verified; return what to add to its line."""
        if not self._deletes:
            return ""
        if made.warnings:
            return ", source kept because the .vqz file lacks parts of it"
        now = source.stat()
        if (now.st_size, now.st_mtime_ns) != (before.st_size, before.st_mtime_ns):
            return ", source kept because it changed meanwhile"
        source.unlink()
        return ", source deleted"


def read_picture(source: Path | bytes, max_pixels: int) -> PictureRead:
    """Return a picture and what its file has beyond it.

    Raises:
        PictureError: it is no picture, or it is a .vqz file.
    """
    try:
        return read_file(source, max_pixels=max_pixels)
    except PictureError as error:
        if isinstance(source, Path) and _front(source) == MAGIC:
            raise PictureError(
                f"{source} is a .vqz file already; `vqzip decode` makes a picture of it."
            ) from error
        raise


def _same_but_for_colors(decoded: Picture, source: Picture) -> bool:
    """Return whether all of a picture that is kept exactly was decoded."""
    if decoded.pixels.shape != source.pixels.shape or decoded.metadata != source.metadata:
        return False
    if decoded.alpha is None or source.alpha is None:
        return decoded.alpha is source.alpha
    return np.array_equal(decoded.alpha, source.alpha)


def times_of(source: Path) -> tuple[int, int] | None:
    """Return when a file was last read and changed, in ns; None for what is no regular file."""
    if is_special(source):
        return None
    status = source.stat()
    return status.st_atime_ns, status.st_mtime_ns


def _front(path: Path) -> bytes:
    if is_special(path) or not path.is_file():
        return b""
    with path.open("rb") as file:
        return file.read(len(MAGIC))
