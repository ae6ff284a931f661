"""The log of a run: JSON lines, a picture of the curves, and TensorBoard where it is installed."""

from __future__ import annotations

import contextlib
import json
from pathlib import Path
from typing import Any, Protocol

from vqzip.errors import VqzipError
from vqzip.files import write_whole

METRICS, CURVE, BOARD = "metrics.jsonl", "curve.png", "tensorboard"


class Board(Protocol):
    """What the log needs of TensorBoard's `SummaryWriter`."""

    def add_scalar(self, tag: str, scalar_value: float, global_step: int) -> None:
        """Note one number."""

    def flush(self) -> None:
        """Write what was noted."""


class RunLog:
    """Appends one row of metrics at a time to `metrics.jsonl`.

    Args:
        folder: of the run.
        resume_at: `(phase, step)` of the checkpoint a run goes on from; later rows are dropped, so
            that the log is that of an unbroken run. None starts a new log.
    """

    def __init__(self, folder: Path, resume_at: tuple[int, int] | None) -> None:
        self.path = folder / METRICS
        self.folder = folder
        rows = (
            [] if resume_at is None else [r for r in read_rows(self.path) if _place(r) <= resume_at]
        )
        # Moved into place: a run that is killed just here must not lose its log.
        write_whole(self.path, "".join(json.dumps(row) + "\n" for row in rows).encode())
        self._board = _tensorboard(folder / BOARD)

    def add(self, row: dict[str, Any]) -> None:
        """Append one row; `phase`, `phase_number` and `step` are among its keys."""
        with self.path.open("a", encoding="utf-8") as file:
            file.write(json.dumps(row) + "\n")
        if self._board is not None:
            for key, value in row.items():
                if isinstance(value, float):
                    self._board.add_scalar(f"{row['phase']}/{key}", value, row["step"])

    def draw(self) -> None:
        """Draw `curve.png`, when matplotlib is installed, and write out what TensorBoard holds."""
        from vqzip.measuring.report.training_curve import training_curve

        if self._board is not None:
            self._board.flush()
        # Without matplotlib the log is whole, too.
        with contextlib.suppress(VqzipError, ImportError):
            training_curve(read_rows(self.path), self.folder / CURVE)


def read_rows(path: Path) -> list[dict[str, Any]]:
    """Return all whole rows of a log; a last line that was cut off by a crash is left out."""
    if not path.is_file():
        return []
    lines = path.read_text(encoding="utf-8").split("\n")
    # What follows the last line break is nothing, or a row that was not written to its end.
    return [json.loads(line) for line in lines[:-1]]


def _place(row: dict[str, Any]) -> tuple[int, int]:
    return int(row["phase_number"]), int(row["step"])


def _tensorboard(folder: Path) -> Board | None:
    try:
        from torch.utils.tensorboard import SummaryWriter
    except ImportError:
        return None
    board: Board = SummaryWriter(str(folder))
    return board
