"""Settings of `vqzip rd-curve`: those of every encode, and the other codecs."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING

from vqzip.files import shown_name

if TYPE_CHECKING:
    from vqzip.measuring.subject import Subject


@dataclass(frozen=True)
class How:
    """Settings of every encode: qualities (None: those of the model), effort, limits."""

    qualities: tuple[float, ...] | None
    effort: int
    device: str
    max_pixels: int


@dataclass(frozen=True)
class Others:
    """The other codecs: names of anchors (None for the default), and command lines."""

    names: tuple[str, ...] | None
    commands: tuple[str, ...]

    def find(self) -> list[Subject]:
        """Return all of them, if they work here; the first one is the reference for the others."""
        from vqzip.measuring.anchors.command import parse_command
        from vqzip.measuring.anchors.known import DEFAULT_ANCHORS, find_anchor
        from vqzip.measuring.anchors.known import without_missing_plugins as installed

        names = installed(*DEFAULT_ANCHORS) if self.names is None else self.names
        return [*map(find_anchor, names), *map(parse_command, self.commands)]


def command_line() -> tuple[str, ...]:
    """Return the words of the command that runs, for reports."""
    return ("vqzip", *(shown_name(argument) for argument in sys.argv[1:]))
