"""The progress of a run, and who is told about it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True)
class Progress:
    """Progress of a phase, for the user.

    Args:
        phase: its name.
        fraction: done part of the phase, 0 to 1.
        step: steps taken.
        steps_per_second: mean over the phase.
        seconds_left: of this phase.
        metrics: those of the last row of the log, or of the last step before the first row.
        figures: the metrics that matter most.
    """

    phase: str
    fraction: float
    step: int
    steps_per_second: float
    seconds_left: float
    metrics: Mapping[str, float]
    figures: tuple[str, ...] = ()


class Watch(Protocol):
    """Looks at the networks while they are trained.

    Attributes:
        seconds: between two looks.
    """

    seconds: float

    def look(self, phase: str, number: int, step: int) -> None:
        """Measure the networks on validation pictures, and show what they make.

        Args:
            phase: name of the phase.
            number: of the phase.
            step: steps of it that were taken.
        """

    def show(self, progress: Progress) -> None:
        """Show the progress on the page of the run."""


Report = Callable[[Progress], None]
