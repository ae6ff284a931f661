"""The log of a run: JSON lines, a plot, and TensorBoard if it is installed."""

from __future__ import annotations

import contextlib
import json
from pathlib import Path
from typing import Any, Protocol

from vqzip.errors import VqzipError
from vqzip.files import write_whole

METRICS, CURVE, BOARD = "metrics.jsonl", "curve.png", "tensorboard"


class Board(Protocol):
    """The part of TensorBoard's `SummaryWriter` that the log uses."""

    def add_scalar(self, tag: str, scalar_value: float, global_step: int) -> None:
        """Record one number."""

    def flush(self) -> None:
        """Write the recorded numbers."""


class RunLog:
    """Appends rows of metrics to `metrics.jsonl`.

    Args:
        folder: of the run.
        resume_at: `(phase, step)` of the checkpoint that the run resumes from; later rows are removed,
            so that the log equals that of an uninterrupted run. None starts a new log.
    """

    def __init__(self, folder: Path, resume_at: tuple[int, int] | None) -> None:
        self.path = folder / METRICS
        self.folder = folder
        rows = (
            [] if resume_at is None else [r for r in read_rows(self.path) if _place(r) <= resume_at]
        )
        # Moved into place, so that a run that is killed here does not lose its log.
        write_whole(self.path, "".join(json.dumps(row) + "\n" for row in rows).encode())
        self._board = _tensorboard(folder / BOARD)

    def add(self, row: dict[str, Any]) -> None:
        """Append a row; its keys include `phase`, `phase_number` and `step`."""
        with self.path.open("a", encoding="utf-8") as file:
            file.write(json.dumps(row) + "\n")
        if self._board is not None:
            for key, value in row.items():
                if isinstance(value, float):
                    self._board.add_scalar(f"{row['phase']}/{key}", value, row["step"])

    def draw(self) -> None:
        """Draw `curve.png` if matplotlib is installed, and flush TensorBoard."""
        from vqzip.measuring.report.training_curve import training_curve

        if self._board is not None:
            self._board.flush()
        # The log is complete without matplotlib, too.
        with contextlib.suppress(VqzipError, ImportError):
            training_curve(read_rows(self.path), self.folder / CURVE)


class NoLog:
    """The log of a process that does not write."""

    def add(self, row: dict[str, Any]) -> None:
        """Do nothing."""

    def draw(self) -> None:
        """Do nothing."""


def read_rows(path: Path) -> list[dict[str, Any]]:
    """Return all complete rows of a log; a last line that a crash cut off is left out."""
    if not path.is_file():
        return []
    lines = path.read_text(encoding="utf-8").split("\n")
    # After the last line break there is nothing, or an incomplete row.
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
