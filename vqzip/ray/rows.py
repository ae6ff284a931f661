"""Rows of the table: one for each picture, whatever came of it."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from vqzip.batch.workers import describe
from vqzip.errors import VqzipError

Batch = dict[str, NDArray[Any]]
"""Columns of rows, as Ray hands them over."""


@dataclass(frozen=True)
class Row:
    """What came of a picture.

    Args:
        path: of the picture, or of the shard and the picture in it.
        output: of the result.
        status: `done`, `failed`, or `exists` for outputs of an earlier call.
        bytes_in: of the picture.
        bytes_out: of the result.
        width: in pixels.
        height: in pixels.
        warnings: what is not kept.
        error: one sentence if it failed.
        seconds: spent on it.
    """

    path: str
    output: str = ""
    status: str = "done"
    bytes_in: int = 0
    bytes_out: int = 0
    width: int = 0
    height: int = 0
    warnings: str = ""
    error: str = ""
    seconds: float = 0.0


def attempt(row: Row, work: Callable[[Row], Row]) -> Row:
    """Return the row of a picture after the work on it; an error is a row."""
    started = time.perf_counter()
    try:
        done = work(row)
    except (VqzipError, OSError) as error:
        done = replace(row, status="failed", error=describe(error))
    except MemoryError:
        done = replace(row, status="failed", error="there is not enough memory for this picture.")
    except Exception as error:  # noqa: BLE001  one odd picture must not stop millions
        words = f"unexpected {type(error).__name__}: {error} (a bug in vqzip)."
        done = replace(row, status="failed", error=words)
    return replace(done, seconds=time.perf_counter() - started)


def as_batch(rows: Sequence[Row]) -> Batch:
    """Return the columns of rows."""
    plain = [asdict(row) for row in rows]
    return {name: np.array([row[name] for row in plain]) for name in asdict(Row(""))}
