"""Tables of strings, for the command line and for documents."""

from __future__ import annotations

import math
from dataclasses import dataclass


@dataclass(frozen=True)
class Table:
    """A title, a header and rows of strings; every row is as long as the header."""

    title: str
    header: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]

    def markdown(self) -> str:
        """Return the table in Markdown, with numbers aligned to the right."""
        bars = ["|---" + "|---:" * (len(self.header) - 1) + "|"]
        lines = ["| " + " | ".join(row) + " |" for row in (self.header, *self.rows)]
        return "\n".join([f"**{self.title}**", "", lines[0], *bars, *lines[1:]]) + "\n"


def number(value: float | None, digits: int) -> str:
    """Return a number with `digits` decimals; `-` for none, `inf` for an infinite PSNR."""
    if value is None or math.isnan(value):
        return "-"
    return f"{value:.{digits}f}"


def setting_text(setting: float) -> str:
    """Return a setting without trailing zeros: 4, 4.5, 0.27."""
    return f"{setting:g}"
