"""Picture files to .vqz files, on the workers of a Ray cluster."""

from __future__ import annotations

import os
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import ray

from vqzip.batch.settings import EncodeSettings
from vqzip.pictures.find import PICTURE_SUFFIXES
from vqzip.ray.rows import Batch, Row, as_batch, attempt
from vqzip.ray.storage import Storage
from vqzip.threads import SWITCH

if TYPE_CHECKING:
    from vqzip.batch.encoding import PictureEncoder

RESERVED = 0.5
"""Cores that Ray reserves for each thread. The other half is for reading and for the table: with actors on all
cores, the tasks that feed them would never start."""

PICTURES_A_BATCH = 8
"""If a worker dies, so many pictures are done again at most."""


def encode_files(
    source: str | list[str] | ray.data.Dataset,
    out: str,
    *,
    settings: EncodeSettings | None = None,
    model: str = "photo",
    device: str = "cpu",
    actors: int = 2,
    threads: int = 1,
) -> ray.data.Dataset:
    """Encode picture files; write `out/NAME.SUFFIX.vqz` for each.

    Names keep the suffix of the picture, because nobody could know on many machines which names are equal without
    it. Outputs that exist are left as they are, so the same call continues an interrupted one.

    Args:
        source: a folder, files, or URLs that pyarrow knows; or a data set with columns `path` and `bytes`.
        out: folder or URL for the outputs; the folders of the source are mirrored.
        settings: how to encode; default: quality 4.
        model: name or folder of a model that every worker has.
        device: where networks run.
        actors: number of workers, each with one codec.
        threads: for each worker.

    Returns:
        A data set that is not computed yet: a `vqzip.ray.rows.Row` for each picture. Consume it once, for example by
        `write_parquet`.
    """
    root = ""
    if isinstance(source, ray.data.Dataset):
        pictures = source
    else:
        root = source if isinstance(source, str) else ""
        suffixes = sorted(suffix.lstrip(".") for suffix in PICTURE_SUFFIXES)
        pictures = ray.data.read_binary_files(source, include_paths=True, file_extensions=suffixes)
    return on_actors(
        pictures,
        FileEncoder,
        {
            "out": out,
            "root": root,
            "settings": settings or EncodeSettings(),
            "model": model,
            "device": device,
            "threads": threads,
        },
        actors=actors,
        threads=threads,
        batch_size=PICTURES_A_BATCH,
    )


def on_actors(
    rows: ray.data.Dataset,
    worker: type,
    arguments: dict[str, Any],
    *,
    actors: int,
    threads: int,
    batch_size: int,
) -> ray.data.Dataset:
    """Return the rows that actors make of rows; a batch whose actor dies is done again by another one."""
    return rows.map_batches(
        worker,
        fn_constructor_kwargs=arguments,
        compute=ray.data.ActorPoolStrategy(size=actors),
        num_cpus=RESERVED * threads,
        batch_size=batch_size,
        max_restarts=-1,
        max_task_retries=-1,
    )


class FileEncoder:
    """A worker that encodes files with one codec; see `encode_files` for the arguments."""

    def __init__(
        self,
        *,
        out: str,
        root: str,
        settings: EncodeSettings,
        model: str,
        device: str,
        threads: int,
    ) -> None:
        self._out, self._settings = Storage(out), settings
        self._root = Storage(root) if root else None
        self._encoder = encoder_of(settings, model, device, threads)

    def __call__(self, batch: Batch) -> Batch:
        """Return a row for each picture of a batch with the columns `path` and `bytes`."""
        pairs = zip(batch["path"], batch["bytes"], strict=True)
        return as_batch([self._row(str(path), bytes(data)) for path, data in pairs])

    def _row(self, path: str, data: bytes) -> Row:
        name = path.lstrip("/") if self._root is None else self._root.relative(path)
        output = f"{name}.vqz"
        row = Row(path=path, output=f"{self._out.root}/{output}", bytes_in=len(data))

        def work(row: Row) -> Row:
            there = self._out.size(output)
            if there is not None:
                return replace(row, status="exists", bytes_out=there)
            made, row = encoded(self._encoder, row, data)
            with self._out.writing(output) as file:
                file.write(made)
            return row

        return attempt(row, work)


def encoder_of(settings: EncodeSettings, model: str, device: str, threads: int) -> PictureEncoder:
    """Return the encoder of a worker, whose process is vqzip's own."""
    from vqzip.batch.encoding import PictureEncoder
    from vqzip.families.known import load_model
    from vqzip.models.abilities import compressing

    os.environ[SWITCH] = str(threads)
    return PictureEncoder(compressing(load_model(model, device)), settings)


def encoded(encoder: PictureEncoder, row: Row, data: bytes) -> tuple[bytes, Row]:
    """Return the file of a picture, verified if the settings ask for it, and its row.

    Raises:
        VqzipError: it cannot be encoded.
    """
    made = encoder.make(data)
    if encoder.settings.verify:
        encoder.check(made)(made.encoded.data)
    width, height = made.picture.width, made.picture.height
    done = replace(
        row,
        bytes_out=len(made.encoded.data),
        width=width,
        height=height,
        warnings=", ".join(made.warnings),
    )
    return made.encoded.data, done
