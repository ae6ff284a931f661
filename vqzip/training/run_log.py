"""The log of a run: JSON lines, a picture of the curves, and TensorBoard where it is installed."""

from __future__ import annotations

import importlib.util
import json
from pathlib import Path
from typing import Any

from vqzip.errors import VqzipError


class RunLog:
    """Appends one row of metrics at a time to `metrics.jsonl`.

    Args:
        folder: of the run.
        resume_at: `(phase, step)` of the checkpoint a run goes on from; later rows are dropped, so
            that the log is that of an unbroken run. None starts a new log.
    """

    def __init__(self, folder: Path, resume_at: tuple[int, int] | None) -> None:
        self.path = folder / "metrics.jsonl"
        self.folder = folder
        rows = [] if resume_at is None else [r for r in self.rows() if _place(r) <= resume_at]
        self.path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
        self._board = _tensorboard(folder)

    def rows(self) -> list[dict[str, Any]]:
        """Return all whole rows; a last line cut off by a crash is left out."""
        if not self.path.is_file():
            return []
        rows = []
        for line in self.path.read_text(encoding="utf-8").splitlines():
            try:
                rows.append(json.loads(line))
            except ValueError:
                break
        return rows

    def add(self, row: dict[str, Any]) -> None:
        """Append one row; `phase`, `phase_number` and `step` are among its keys."""
        with self.path.open("a", encoding="utf-8") as file:
            file.write(json.dumps(row) + "\n")
        if self._board is not None:
            for key, value in row.items():
                if isinstance(value, float):
                    self._board.add_scalar(f"{row['phase']}/{key}", value, row["step"])

    def draw(self) -> None:
        """Draw `curve.png`, when matplotlib is installed."""
        from vqzip.evaluation.plots import training_curve

        try:
            training_curve(self.rows(), self.folder / "curve.png")
        except (VqzipError, ImportError):
            return  # the log is whole without its picture


def _place(row: dict[str, Any]) -> tuple[int, int]:
    return int(row["phase_number"]), int(row["step"])


def _tensorboard(folder: Path) -> Any:
    if importlib.util.find_spec("tensorboard") is None:
        return None
    from torch.utils.tensorboard import SummaryWriter

    return SummaryWriter(str(folder / "tensorboard"))  # type: ignore[no-untyped-call]
