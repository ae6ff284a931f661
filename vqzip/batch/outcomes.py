"""What came of the files of a call, one by one and in total."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from vqzip.batch.names import Task
from vqzip.files import shown_name

Status = Literal["done", "failed", "skipped", "copied", "planned"]


@dataclass(frozen=True)
class Outcome:
    """What came of a file.

    Args:
        task: the file.
        status: whether it was worked on.
        bytes_in: of the input.
        bytes_out: of the output.
        seconds: spent on it.
        facts: further facts for JSON, such as width and quality.
        warnings: what was lost, without the name of the file.
        error: one sentence, if it failed.
        note: what to know about the output, for one line of text.
    """

    task: Task
    status: Status = "done"
    bytes_in: int = 0
    bytes_out: int = 0
    seconds: float = 0.0
    facts: Mapping[str, Any] = field(default_factory=dict)
    warnings: tuple[str, ...] = ()
    error: str | None = None
    note: str = ""

    def plain(self) -> dict[str, Any]:
        """Return everything for a line of JSON."""
        output = self.task.output
        plain: dict[str, Any] = {
            "source": shown_name(self.task.source),
            "output": None if output is None else shown_name(output),
            "status": self.status,
        }
        if self.status in ("done", "failed"):
            plain["bytes_in"] = self.bytes_in
        if self.status == "done":
            plain |= {"bytes_out": self.bytes_out, **self.facts}
        if self.status in ("done", "failed"):
            plain["seconds"] = round(self.seconds, 3)
        if self.warnings:
            plain["warnings"] = list(self.warnings)
        if self.error is not None:
            plain["error"] = self.error
        return plain


@dataclass
class Totals:
    """Sums over the files of a call; `add` is called with each outcome."""

    done: int = 0
    failed: int = 0
    bytes_in: int = 0
    bytes_out: int = 0
    tried_bytes: int = 0

    def add(self, outcome: Outcome) -> None:
        """Count a file."""
        self.tried_bytes += outcome.bytes_in
        if outcome.status == "failed":
            self.failed += 1
        if outcome.status == "done":
            self.done += 1
            self.bytes_in += outcome.bytes_in
            self.bytes_out += outcome.bytes_out

    @property
    def ratio(self) -> str:
        """How many times smaller or larger the output is, as `12.3:1`."""
        if not self.bytes_in or not self.bytes_out:
            return "-"
        if self.bytes_out > self.bytes_in:
            return f"1:{self.bytes_out / self.bytes_in:.1f}"
        return f"{self.bytes_in / self.bytes_out:.1f}:1"
