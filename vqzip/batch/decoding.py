"""Decodes one file of a call to a picture file."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import dataclass, replace
from typing import Any

from vqzip.batch.encoding import times_of
from vqzip.batch.names import Task
from vqzip.batch.outcomes import Outcome
from vqzip.batch.settings import DecodeSettings, Permission, Room
from vqzip.codec.codec import Codec
from vqzip.codec.progress import Progress
from vqzip.container.fields import MAGIC
from vqzip.container.parse import parse_header
from vqzip.errors import NotVqz, UsageError
from vqzip.families.known import load_model, load_model_for
from vqzip.models.abilities import Compresses, compressing
from vqzip.pictures.colors import stripped
from vqzip.pictures.not_kept import listed
from vqzip.pictures.picture import Picture
from vqzip.pictures.write import format_of, how_written, write_atomically, written_picture


@dataclass(frozen=True)
class Shown:
    """A decoded picture as a file in memory.

    Args:
        data: the file.
        picture: what it shows.
        warnings: what of it the format does not hold.
        left: how much was left of a truncated file, in words.
        how: format and quality, in words.
    """

    data: bytes
    picture: Picture
    warnings: tuple[str, ...]
    left: str | None
    how: str


class Codecs:
    """The codecs that files need, each loaded once.

    Args:
        model: name or folder of the only model; None for the models that the files name.
        device: where networks run.
    """

    def __init__(self, model: str | None, device: str) -> None:
        self._device = device
        self._only = None if model is None else compressing(load_model(model, device))
        self._by_id: dict[bytes, Compresses] = {}
        self._lock = threading.Lock()

    def codec_for(self, data: bytes) -> Compresses:
        """Return the codec for a file.

        Raises:
            InvalidFile: the data do not begin like a .vqz file.
            ModelError: its model is not installed.
        """
        if self._only is not None:
            return self._only
        model_id = parse_header(data).model_id
        with self._lock:
            if model_id not in self._by_id:
                self._by_id[model_id] = compressing(load_model_for(data, self._device))
            return self._by_id[model_id]


class PictureDecoder:
    """Decodes files; threads may share it.

    Args:
        codec_for: returns the codec for a file.
        settings: for all files.
        room: limits the memory of pictures that are decoded at once.
        may_write: is entered for writing.
    """

    def __init__(
        self,
        codec_for: Callable[[bytes], Compresses],
        settings: DecodeSettings,
        *,
        room: Room = lambda _: nullcontext(),
        may_write: Permission = nullcontext,
    ) -> None:
        self._codec_for, self.settings = codec_for, settings
        self._room, self._may_write = room, may_write

    def __call__(self, task: Task, progress: Progress | None = None) -> Outcome:
        """Decode a file and write the picture.

        Raises:
            VqzipError: the file cannot be decoded, or the picture cannot be written.
        """
        started = time.perf_counter()
        times = times_of(task.source) if self.settings.keep_times else None
        data = task.source.read_bytes()
        output = task.output
        image_format = "PNG" if output is None else format_of(output)
        shown = self.make(data, image_format, progress, name=str(task.source))
        if output is not None:
            with self._may_write():
                write_atomically(output, shown.data, force=self.settings.force, times=times)
        outcome = self.outcome(task, shown, len(data))
        return replace(outcome, seconds=time.perf_counter() - started)

    def make(
        self,
        data: bytes,
        image_format: str,
        progress: Progress | None = None,
        *,
        name: str = "the file",
    ) -> Shown:
        """Decode a file and write the picture to memory.

        Args:
            data: the .vqz file.
            image_format: Pillow's name of the format to write.
            progress: is called with the share of the work that is done.
            name: of the file, for errors.

        Raises:
            VqzipError: it cannot be decoded, or the format cannot hold the picture.
        """
        settings = self.settings
        try:
            header = parse_header(data)
        except NotVqz as error:
            if data[: len(MAGIC)] != MAGIC:
                raise NotVqz(
                    f"{name} is not a .vqz file; `vqzip encode` makes one of a picture."
                ) from error
            raise
        codec = self._codec_for(data)
        with self._room(header.pixels):
            picture = self._decoded(codec, data, progress)
            left = None
            if settings.partial:
                there = codec.completeness(data, max_pixels=settings.max_pixels)
                left = None if there.whole else str(there)
            if settings.strip:
                picture = stripped(picture)
            written = written_picture(picture, image_format, settings.quality)
        lost: tuple[str, ...] = ()
        if written.left_out:
            lost = (f"{image_format} does not hold the picture's {listed(written.left_out)}",)
        how = how_written(image_format, settings.quality)
        return Shown(written.data, picture, lost, left, how)

    def _decoded(self, codec: Compresses, data: bytes, progress: Progress | None) -> Picture:
        levels, region, partial = self.settings.levels, self.settings.region, self.settings.partial
        limit, reduction = self.settings.max_pixels, self.settings.reduction
        if reduction > 1:
            if not isinstance(codec, Codec):
                raise UsageError(f"the model '{codec.name}' cannot reduce pictures.")
            return codec.decode_reduced(
                data, reduction, levels=levels, partial=partial, max_pixels=limit
            )
        if isinstance(codec, Codec):
            return codec.decode_picture(
                data,
                levels=levels,
                partial=partial,
                region=region,
                max_pixels=limit,
                progress=progress,
            )
        return codec.decode_picture(
            data, levels=levels, partial=partial, region=region, max_pixels=limit
        )

    def outcome(self, task: Task, shown: Shown, bytes_in: int) -> Outcome:
        """Return what came of a file that was decoded."""
        picture = shown.picture
        facts: dict[str, Any] = {
            "width": picture.width,
            "height": picture.height,
            "format": shown.how,
        }
        if shown.left is not None:
            facts["left"] = shown.left
        return Outcome(
            task,
            bytes_in=bytes_in,
            bytes_out=len(shown.data),
            facts=facts,
            warnings=shown.warnings,
            note=f"{picture.width} x {picture.height}, {shown.how}",
        )
