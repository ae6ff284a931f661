"""WebDataset shards in and out: tar files in which the members of a sample share a name."""

from __future__ import annotations

import io
import os
import tarfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path, PurePosixPath
from typing import Any, TypeAlias

import ray

from vqzip.batch.settings import DecodeSettings, EncodeSettings
from vqzip.pictures.find import PICTURE_SUFFIXES
from vqzip.ray.files import encoded, encoder_of, on_actors
from vqzip.ray.rows import Batch, Row, as_batch, attempt
from vqzip.ray.storage import Storage
from vqzip.threads import SWITCH

Convert: TypeAlias = Callable[[Row, bytes], tuple[bytes, Row]]
"""Returns the new content of a member, and its row."""


def encode_shards(
    source: str,
    out: str,
    *,
    settings: EncodeSettings | None = None,
    model: str = "photo",
    device: str = "cpu",
    actors: int = 2,
    threads: int = 1,
) -> ray.data.Dataset:
    """Encode the pictures in WebDataset shards; all other members are copied.

    `000.jpg` becomes `000.vqz`. A sample with several pictures keeps their suffixes: `000.left.jpg` becomes
    `000.left.vqz`. A picture that fails is left out of its shard, and is a row of the table. A shard is written
    whole; one that exists is left as it is.

    Args:
        source: a shard, or a folder or URL of `.tar` files.
        out: folder or URL for shards of the same names.
        settings: how to encode; default: quality 4.
        model: name or folder of a model that every worker has.
        device: where networks run.
        actors: number of workers, each with one codec.
        threads: for each worker.

    Returns:
        A data set that is not computed yet: a row for each picture, or for each shard that exists.
    """
    arguments = {
        "source": source, "out": out, "settings": settings or EncodeSettings(), "model": model,
        "device": device, "threads": threads,
    }  # fmt: skip
    return on_actors(
        _shards(source), ShardEncoder, arguments, actors=actors, threads=threads, batch_size=1
    )


def decode_shards(
    source: str,
    out: str,
    *,
    suffix: str = "png",
    settings: DecodeSettings | None = None,
    model: str | None = None,
    device: str = "cpu",
    actors: int = 2,
    threads: int = 1,
) -> ray.data.Dataset:
    """Decode the .vqz files in WebDataset shards to pictures; see `encode_shards`.

    Args:
        source: a shard, or a folder or URL of `.tar` files.
        out: folder or URL for shards of the same names.
        suffix: of the pictures, such as `png` or `jpg`.
        settings: how to decode.
        model: name or folder of the model; None for those that the files name.
        device: where networks run.
        actors: number of workers.
        threads: for each worker.
    """
    arguments = {
        "source": source, "out": out, "settings": settings or DecodeSettings(), "model": model,
        "device": device, "threads": threads, "suffix": suffix,
    }  # fmt: skip
    return on_actors(
        _shards(source), ShardDecoder, arguments, actors=actors, threads=threads, batch_size=1
    )


def _shards(source: str) -> ray.data.Dataset:
    names = [{"data": name} for name in Storage(source).names(".tar")]
    shards: ray.data.Dataset = ray.data.from_items(names, override_num_blocks=max(1, len(names)))
    return shards


class _ShardWorker:
    """Writes shards whose members are converted."""

    def __init__(self, source: str, out: str, suffixes: Sequence[str], suffix: str) -> None:
        self._source, self._out = Storage(source), Storage(out)
        self._suffixes, self._suffix = frozenset(suffixes), suffix

    def __call__(self, batch: Batch) -> Batch:
        """Return the rows of a batch of shards, given by name in the column `data`."""
        return as_batch([row for name in batch["data"] for row in self._shard(str(name))])

    def convert(self, row: Row, data: bytes) -> tuple[bytes, Row]:
        """Return the new content of a member, and its row."""
        raise NotImplementedError

    def _shard(self, name: str) -> list[Row]:
        shown = f"{self._source.root}/{name}" if name else self._source.root
        output = name or PurePosixPath(self._source.root).name
        row = Row(path=shown, output=f"{self._out.root}/{output}")
        there = self._out.size(output)
        if there is not None:
            return [replace(row, status="exists", bytes_out=there)]
        rows: list[Row] = []

        def work(row: Row) -> Row:
            rows.clear()
            with self._source.reading(name) as given, self._out.writing(output) as made:
                rows.extend(self._members(given, made, row))
            return row

        whole = attempt(row, work)
        return [whole] if whole.status == "failed" else rows

    def _members(self, given: Any, made: Any, shard: Row) -> Iterator[Row]:
        """Copy or convert all members of a shard; yield the row of each that is converted."""
        with (
            tarfile.open(fileobj=given, mode="r|*") as source,
            tarfile.open(fileobj=made, mode="w|", format=tarfile.PAX_FORMAT) as out,
        ):
            for member in source:
                file = source.extractfile(member)
                if file is None:
                    continue
                data = file.read()
                path = PurePosixPath(member.name)
                if path.suffix.lower() not in self._suffixes:
                    out.addfile(member, io.BytesIO(data))
                    continue
                name = str(path.with_suffix(self._suffix))
                row = replace(
                    shard,
                    path=f"{shard.path}/{member.name}",
                    output=f"{shard.output}/{name}",
                    bytes_in=len(data),
                )
                yield self._converted(out, member, name, row, data)

    def _converted(
        self, out: tarfile.TarFile, member: tarfile.TarInfo, name: str, row: Row, data: bytes
    ) -> Row:
        made = b""

        def work(row: Row) -> Row:
            nonlocal made
            made, done = self.convert(row, data)
            return done

        done = attempt(row, work)
        if done.status == "done":
            member.name, member.size = name, len(made)
            member.pax_headers = {}
            out.addfile(member, io.BytesIO(made))
        return done


class ShardEncoder(_ShardWorker):
    """A worker that encodes shards with one codec; see `encode_shards` for the arguments."""

    def __init__(
        self,
        *,
        source: str,
        out: str,
        settings: EncodeSettings,
        model: str,
        device: str,
        threads: int,
    ) -> None:
        super().__init__(source, out, sorted(PICTURE_SUFFIXES), ".vqz")
        self._encoder = encoder_of(settings, model, device, threads)

    def convert(self, row: Row, data: bytes) -> tuple[bytes, Row]:
        """Return the .vqz file of a picture, and its row."""
        return encoded(self._encoder, row, data)


class ShardDecoder(_ShardWorker):
    """A worker that decodes shards; see `decode_shards` for the arguments."""

    def __init__(
        self,
        *,
        source: str,
        out: str,
        suffix: str,
        settings: DecodeSettings,
        model: str | None,
        device: str,
        threads: int,
    ) -> None:
        from vqzip.batch.decoding import Codecs, PictureDecoder
        from vqzip.pictures.write import format_of

        os.environ[SWITCH] = str(threads)
        suffix = f".{suffix.lstrip('.')}"
        super().__init__(source, out, [".vqz"], suffix)
        self._format = format_of(Path(f"a{suffix}"))
        self._decoder = PictureDecoder(Codecs(model, device).codec_for, settings)

    def convert(self, row: Row, data: bytes) -> tuple[bytes, Row]:
        """Return the picture of a .vqz file, and its row."""
        shown = self._decoder.make(data, self._format)
        done = replace(
            row,
            bytes_out=len(shown.data),
            width=shown.picture.width,
            height=shown.picture.height,
            warnings=", ".join(shown.warnings),
        )
        return shown.data, done
