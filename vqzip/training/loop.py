"""The training loop of all phases, with checkpoints to resume from."""

from __future__ import annotations

import dataclasses
import math
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from torch import Tensor

from vqzip.errors import TrainingError
from vqzip.training.checkpoints import load_checkpoint, save_checkpoint
from vqzip.training.phases.optimizing import WARM_UP_STEPS
from vqzip.training.phases.phase import Phase
from vqzip.training.progress import Progress, Report, Watch
from vqzip.training.ranks import ALONE, Ranks
from vqzip.training.run_log import NoLog, RunLog

CHECKPOINT = "checkpoint.safetensors"

LOG_EVERY = 20
"""Number of steps that a row of the log averages."""

SHOW_SECONDS = 0.5
"""Time between progress reports."""


class Pace(Protocol):
    """What the loop needs of a recipe."""

    @property
    def checkpoint_minutes(self) -> float:
        """Time between checkpoints."""

    @property
    def checkpoint_steps(self) -> int:
        """Steps between checkpoints; 0: by time only."""


class TrainingLoop:
    """Runs phases one after another, each to the end of its budget.

    Args:
        recipe: checkpoint times.
        folder: of the run.
        minutes: for all phases together; None uses the recipe's steps.
        resume: continue from the checkpoint in the folder.
        report: called with the progress.
        note: called with messages for the user.
        view: looks at the networks now and then.
        ranks: the processes that train together.
    """

    def __init__(
        self,
        recipe: Pace,
        folder: Path,
        *,
        minutes: float | None,
        resume: bool,
        report: Report = lambda _: None,
        note: Callable[[str], None] = lambda _: None,
        view: Watch | None = None,
        ranks: Ranks = ALONE,
    ) -> None:
        self.recipe, self.ranks = recipe, ranks
        self.folder, self.minutes = folder, minutes
        self.report, self.note, self.view = report, note, view
        self.place = Place(0, 0, 0.0, [])
        self._tensors: dict[str, Tensor] = {}
        if resume:
            self._tensors, facts = load_checkpoint(folder / CHECKPOINT)
            self.place = _place(facts, folder / CHECKPOINT)
        place = (self.place.phase, self.place.step) if resume else None
        self.log = RunLog(folder, place) if self.ranks.writes else NoLog()

    def run(self, number: int, phase: Phase, *, total_share: float) -> None:
        """Run one phase to its end.

        Args:
            number: of the phase, at least `place.phase`, which continues from the checkpoint.
            phase: what to train.
            total_share: sum of all phases' time shares.

        Raises:
            TrainingError: the loss is not a number, or the checkpoint is of another recipe.
        """
        place = self.place if number == self.place.phase else Place(number, 0, 0.0, [])
        self._restore(phase)
        step, rows = place.step, list(place.rows)
        limit = self._limit(phase, total_share)
        clock = Clock(place.seconds)
        metrics: dict[str, float] = {}
        saved = looked = time.monotonic()
        shown = 0.0
        while (remaining := self._remaining(phase, step, clock, limit)) > 0:
            rows.append(self.ranks.mean(phase.step(step, remaining)))
            step += 1
            self._check(phase, step, rows[-1])
            if step == 1:
                self._warn_if_slow(phase, clock, limit)
            if step % LOG_EVERY == 0:
                metrics = self._log(number, phase, step, clock, rows)
                rows = []
            if time.monotonic() - shown > SHOW_SECONDS:
                shown = time.monotonic()
                self._show(phase, step, clock, limit, metrics or rows[-1])
            by_steps = self.recipe.checkpoint_steps and step % self.recipe.checkpoint_steps == 0
            if by_steps or time.monotonic() - saved > 60 * self.recipe.checkpoint_minutes:
                self._save(Place(number, step, clock.seconds, rows), phase)
                saved = time.monotonic()
            if self.view is not None and time.monotonic() - looked > self.view.seconds:
                self._look(number, phase, step, clock)
                looked = time.monotonic()
        if rows:
            metrics = self._log(number, phase, step, clock, rows)
        self._save(Place(number, step, clock.seconds, []), phase)
        self._show(phase, step, clock, limit, metrics)
        self._look(number, phase, step, clock)
        self.log.draw()

    def _look(self, number: int, phase: Phase, step: int, clock: Clock) -> None:
        """Look at the networks; this does not count as training time."""
        if self.view is not None and self.ranks.writes:
            begin = time.monotonic()
            self.view.look(phase.name, number, step)
            clock.leave_out(time.monotonic() - begin)

    def _warn_if_slow(self, phase: Phase, clock: Clock, limit: float | None) -> None:
        """Say what to set if there is time for a few steps only."""
        possible = (limit or math.inf) / max(clock.seconds, 1e-9)
        if possible < WARM_UP_STEPS:
            self.note(
                f"a step of phase {phase.name} takes {clock.seconds:.1f} s, so there is time for "
                f"{possible:.0f} steps; set phases.{phase.name}.batch to a smaller number"
            )

    def _restore(self, phase: Phase) -> None:
        """Restore a phase from the checkpoint, once."""
        if not self._tensors:
            return
        try:
            phase.restore(self._tensors)
        except (RuntimeError, ValueError, KeyError) as error:
            raise TrainingError(
                f"the checkpoint in {self.folder} does not fit the networks of the recipe; "
                "resume without other settings, or start a new run."
            ) from error
        self._tensors = {}

    def _log(
        self,
        number: int,
        phase: Phase,
        step: int,
        clock: Clock,
        rows: list[dict[str, float]],
    ) -> dict[str, float]:
        """Write the mean of `rows` to the log and return it."""
        mean = {key: float(np.mean([r[key] for r in rows if key in r])) for key in rows[-1]}
        facts = {"phase": phase.name, "phase_number": number, "step": step}
        self.log.add(facts | {"seconds": round(clock.seconds, 1)} | mean)
        return mean

    def _limit(self, phase: Phase, total_share: float) -> float | None:
        if self.minutes is None:
            return None
        return 60 * self.minutes * phase.time_share / total_share

    def _remaining(self, phase: Phase, step: int, clock: Clock, limit: float | None) -> float:
        """Return the part of the budget that is left, from 1 to 0."""
        if limit is None:
            return 1 - step / phase.steps
        return 1 - self.ranks.first(clock.seconds) / limit

    def _check(self, phase: Phase, step: int, metrics: dict[str, float]) -> None:
        """Stop before NaN weights get into a checkpoint."""
        if not (math.isfinite(metrics["loss"]) and math.isfinite(metrics["gradient"])):
            raise TrainingError(
                f"the loss of phase {phase.name} is not a number at step {step}; continue from the last "
                f"checkpoint with `resume` and the setting phases.{phase.name}.learning_rate=..., a lower one."
            )

    def _show(
        self, phase: Phase, step: int, clock: Clock, limit: float | None, metrics: dict[str, float]
    ) -> None:
        left = max(self._remaining(phase, step, clock, limit), 0.0)
        speed = step / max(clock.seconds, 1e-9)
        seconds = left * limit if limit is not None else (phase.steps - step) / max(speed, 1e-9)
        progress = Progress(phase.name, 1 - left, step, speed, seconds, metrics, phase.figures)
        if self.ranks.writes:
            self.report(progress)
            if self.view is not None:
                self.view.show(progress)

    def _save(self, place: Place, phase: Phase) -> None:
        if not self.ranks.writes:
            return
        facts = dataclasses.asdict(place)
        save_checkpoint(self.folder / CHECKPOINT, phase.tensors(), facts)


@dataclass(frozen=True)
class Place:
    """The position of a run.

    Args:
        phase: number of the phase.
        step: steps of it that were taken.
        seconds: that they took.
        rows: metrics of the steps that no row of the log holds yet.
    """

    phase: int
    step: int
    seconds: float
    rows: list[dict[str, float]]


def _place(facts: dict[str, Any], path: Path) -> Place:
    """Return the place that a checkpoint's facts name."""
    try:
        rows = list(facts.get("rows", []))
        return Place(int(facts["phase"]), int(facts["step"]), float(facts["seconds"]), rows)
    except (KeyError, TypeError, ValueError) as error:
        raise TrainingError(f"{path} is damaged ({error!r}); start a new run.") from error


class Clock:
    """Seconds of training, continued over resumed runs."""

    def __init__(self, before: float) -> None:
        self._before = before
        self._start = time.monotonic()

    def leave_out(self, seconds: float) -> None:
        """Do not count some seconds that passed."""
        self._start += seconds

    @property
    def seconds(self) -> float:
        """Seconds so far."""
        return self._before + time.monotonic() - self._start
