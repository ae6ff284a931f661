"""One loop for every phase, with checkpoints that a killed run goes on from."""

from __future__ import annotations

import json
import math
import platform
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch

import vqzip
from vqzip.errors import TrainingError
from vqzip.training.checkpoints import load_checkpoint, save_checkpoint
from vqzip.training.phases import Phase
from vqzip.training.recipe import Recipe
from vqzip.training.run_log import RunLog

CHECKPOINT = "checkpoint.safetensors"
LOG_EVERY = 20


@dataclass(frozen=True)
class Progress:
    """What a user sees while a phase trains.

    Args:
        phase: its name.
        fraction: of the phase that is done, 0 to 1.
        step: steps taken.
        steps_per_second: mean over the last rows.
        seconds_left: of this phase.
        metrics: the last row's.
    """

    phase: str
    fraction: float
    step: int
    steps_per_second: float
    seconds_left: float
    metrics: dict[str, float]


Report = Callable[[Progress], None]


class TrainingLoop:
    """Runs phases one after the other, each to the end of its budget.

    Args:
        recipe: seeds, checkpoint times.
        folder: of the run.
        minutes: for all phases together; None goes by the recipe's steps.
        resume: go on from the folder's checkpoint.
        report: is told the progress.
    """

    def __init__(
        self,
        recipe: Recipe,
        folder: Path,
        *,
        minutes: float | None,
        resume: bool,
        report: Report,
    ) -> None:
        self.recipe, self.folder, self.minutes, self.report = recipe, folder, minutes, report
        self.tensors: dict[str, torch.Tensor] = {}
        self.facts: dict[str, Any] = {"phase": 0, "step": 0, "seconds": 0.0}
        if resume:
            self.tensors, self.facts = load_checkpoint(folder / CHECKPOINT)
        place = (self.facts["phase"], self.facts["step"]) if resume else None
        self.log = RunLog(folder, place)

    @property
    def resumed_phase(self) -> int:
        """Number of the phase to begin with."""
        return int(self.facts["phase"])

    def run(self, number: int, phase: Phase, *, total_share: float) -> None:
        """Run one phase to its end.

        Args:
            number: of the phase; one that a checkpoint is past is only restored.
            phase: what to train.
            total_share: sum of all phases' time shares.

        Raises:
            TrainingError: the loss is not a number.
        """
        step, seconds = 0, 0.0
        if number == self.facts["phase"] and self.tensors:
            phase.restore(self.tensors)
            step, seconds = int(self.facts["step"]), float(self.facts["seconds"])
        limit = self._limit(phase, total_share)
        clock = Clock(seconds)
        rows: list[dict[str, float]] = []
        saved, shown = time.monotonic(), time.monotonic()
        while (remaining := self._remaining(phase, step, clock, limit)) > 0:
            metrics = phase.step(step, remaining)
            step += 1
            self._check(phase, step, metrics)
            rows.append(metrics)
            if step % LOG_EVERY == 0:
                mean = {key: float(np.mean([r[key] for r in rows if key in r])) for key in metrics}
                rows.clear()
                self.log.add(
                    {"phase": phase.name, "phase_number": number, "step": step}
                    | {"seconds": round(clock.seconds, 1)}
                    | mean
                )
                metrics = mean
            if time.monotonic() - shown > 0.5:
                shown = time.monotonic()
                self._show(phase, step, clock, limit, metrics)
            by_steps = self.recipe.checkpoint_steps and step % self.recipe.checkpoint_steps == 0
            if by_steps or time.monotonic() - saved > 60 * self.recipe.checkpoint_minutes:
                self._save(number, step, clock, phase)
                saved = time.monotonic()
        self._save(number, step, clock, phase)
        self.log.draw()

    def _limit(self, phase: Phase, total_share: float) -> float | None:
        if self.minutes is None:
            return None
        return 60 * self.minutes * phase.time_share / total_share

    def _remaining(self, phase: Phase, step: int, clock: Clock, limit: float | None) -> float:
        """Return what is left of the budget, from 1 to 0."""
        if limit is None:
            return 1 - step / phase.steps
        return 1 - clock.seconds / limit

    def _check(self, phase: Phase, step: int, metrics: dict[str, float]) -> None:
        if not math.isfinite(metrics["loss"]):
            raise TrainingError(
                f"the loss of phase {phase.name} is not a number at step {step}; lower "
                f"{phase.name}_phase.learning_rate with --set and go on with --resume."
            )

    def _show(
        self, phase: Phase, step: int, clock: Clock, limit: float | None, metrics: dict[str, float]
    ) -> None:
        left = self._remaining(phase, step, clock, limit)
        speed = step / max(clock.seconds, 1e-9)
        seconds = left * limit if limit is not None else (phase.steps - step) / speed
        self.report(Progress(phase.name, 1 - left, step, speed, seconds, metrics))

    def _save(self, number: int, step: int, clock: Clock, phase: Phase) -> None:
        facts = {"phase": number, "step": step, "seconds": clock.seconds}
        save_checkpoint(self.folder / CHECKPOINT, phase.tensors(), facts)


class Clock:
    """Seconds of training, continued over resumed runs."""

    def __init__(self, before: float) -> None:
        self._before = before
        self._start = time.monotonic()

    @property
    def seconds(self) -> float:
        """Seconds so far."""
        return self._before + time.monotonic() - self._start


def versions() -> dict[str, str]:
    """Return what a run was made with, for `versions.json`."""
    return {
        "vqzip": vqzip.__version__,
        "torch": torch.__version__,
        "numpy": np.__version__,
        "python": platform.python_version(),
        "machine": f"{platform.machine()} {platform.system()}",
        "threads": str(torch.get_num_threads()),
        "command": " ".join(sys.argv),
    }


def write_versions(folder: Path) -> None:
    """Write `versions.json` into the run folder."""
    text = json.dumps(versions(), indent=2) + "\n"
    (folder / "versions.json").write_text(text, encoding="utf-8")
