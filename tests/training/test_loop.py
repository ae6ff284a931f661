"""The loop: budgets, the log, checkpoints and where a run goes on."""

from __future__ import annotations

import dataclasses
import json
import math
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from tests.training.tiny_recipes import tiny_recipe
from vqzip.errors import TrainingError
from vqzip.training import loop
from vqzip.training.checkpoints import save_checkpoint
from vqzip.training.loop import CHECKPOINT, LOG_EVERY, TrainingLoop
from vqzip.training.progress import Progress
from vqzip.training.run_log import METRICS, read_rows
from vqzip.training.versions import write_versions


class Killed(BaseException):
    """Stands for `kill -9`: nothing in the loop may catch it."""


class CountingPhase:
    """A phase whose only weight is the sum of a sequence."""

    name = "counting"
    steps = 50
    time_share = 1.0
    figures: tuple[str, ...] = ("loss",)

    def __init__(self, kill_at: int | None = None, nan_at: int | None = None) -> None:
        self.total = torch.zeros((), dtype=torch.float64)
        self.kill_at, self.nan_at = kill_at, nan_at
        self.seen: list[tuple[int, float]] = []

    def step(self, number: int, remaining: float) -> dict[str, float]:
        self.seen.append((number, remaining))
        if number == self.kill_at:
            raise Killed
        self.total += math.sin(number) / 3
        gradient = math.nan if number == self.nan_at else 1.0
        return {"loss": float(self.total) / 7, "gradient": gradient}

    def tensors(self) -> dict[str, Tensor]:
        return {"total": self.total}

    def restore(self, tensors: dict[str, Tensor]) -> None:
        self.total = tensors["total"].clone()


def made_loop(
    folder: Path,
    *,
    resume: bool = False,
    minutes: float | None = None,
    every: int = 7,
    reports: list[Progress] | None = None,
) -> TrainingLoop:
    recipe = dataclasses.replace(tiny_recipe(folder, "wavelet"), checkpoint_steps=every)
    report = (lambda _: None) if reports is None else reports.append
    return TrainingLoop(recipe, folder, minutes=minutes, resume=resume, report=report)


def rows_without_time(folder: Path) -> list[dict[str, Any]]:
    return [{k: v for k, v in r.items() if k != "seconds"} for r in read_rows(folder / METRICS)]


@pytest.fixture
def unbroken(tmp_path: Path) -> tuple[Tensor, list[dict[str, Any]]]:
    folder = tmp_path / "unbroken"
    folder.mkdir()
    phase = CountingPhase()
    made_loop(folder).run(0, phase, total_share=1.0)
    return phase.total, rows_without_time(folder)


def test_every_step_once_with_a_budget_to_zero(tmp_path: Path) -> None:
    phase = CountingPhase()
    made_loop(tmp_path).run(0, phase, total_share=1.0)
    assert [number for number, _ in phase.seen] == list(range(50))
    assert [left for _, left in phase.seen] == [1 - n / 50 for n in range(50)]
    rows = read_rows(tmp_path / METRICS)
    assert [row["step"] for row in rows] == [LOG_EVERY, 2 * LOG_EVERY, 50]
    assert all(row["phase"] == "counting" and row["phase_number"] == 0 for row in rows)


@pytest.mark.parametrize("kill_at", [1, 7, 13, 20, 22, 40, 49])
def test_a_killed_run_goes_on_as_if_nothing_had_happened(
    tmp_path: Path, unbroken: tuple[Tensor, list[dict[str, Any]]], kill_at: int
) -> None:
    with pytest.raises(Killed):
        made_loop(tmp_path).run(0, CountingPhase(kill_at=kill_at), total_share=1.0)
    phase = CountingPhase()
    goes_on = (tmp_path / CHECKPOINT).is_file()
    assert goes_on == (kill_at >= 7)
    made_loop(tmp_path, resume=goes_on).run(0, phase, total_share=1.0)
    assert phase.seen[0][0] == kill_at // 7 * 7
    assert torch.equal(phase.total, unbroken[0])
    assert rows_without_time(tmp_path) == unbroken[1]


def test_killed_again_and_again(
    tmp_path: Path, unbroken: tuple[Tensor, list[dict[str, Any]]]
) -> None:
    for count, kill_at in enumerate((8, 9, 15, 21, 41)):
        with pytest.raises(Killed):
            made_loop(tmp_path, resume=count > 0).run(0, CountingPhase(kill_at), total_share=1.0)
    phase = CountingPhase()
    made_loop(tmp_path, resume=True).run(0, phase, total_share=1.0)
    assert torch.equal(phase.total, unbroken[0])
    assert rows_without_time(tmp_path) == unbroken[1]


def test_a_finished_phase_is_restored_only(tmp_path: Path) -> None:
    first = CountingPhase()
    made_loop(tmp_path).run(0, first, total_share=2.0)
    again = made_loop(tmp_path, resume=True)
    assert (again.place.phase, again.place.step) == (0, 50)
    second, third = CountingPhase(), CountingPhase()
    again.run(0, second, total_share=2.0)
    again.run(1, third, total_share=2.0)
    assert second.seen == []
    assert torch.equal(second.total, first.total)
    assert len(third.seen) == 50
    later = made_loop(tmp_path, resume=True)
    assert (later.place.phase, later.place.step) == (1, 50)
    assert [r["phase_number"] for r in read_rows(tmp_path / METRICS)] == [0, 0, 0, 1, 1, 1]


class FakeTime:
    """A clock that goes on by a tenth of a second with every look at it."""

    def __init__(self) -> None:
        self.now = 0.0

    def monotonic(self) -> float:
        self.now += 0.1
        return self.now


def test_minutes_end_well(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(loop, "time", FakeTime())
    reports: list[Progress] = []
    phase = CountingPhase()
    made_loop(tmp_path, minutes=1.0, reports=reports).run(0, phase, total_share=2.0)
    left = [remaining for _, remaining in phase.seen]
    assert left == sorted(left, reverse=True)
    assert left[0] > 0.95
    assert 0 < left[-1] < 0.05
    assert reports[-1].fraction == 1
    assert reports[-1].seconds_left == 0
    facts = json.loads(_facts(tmp_path))
    assert 30 <= facts["seconds"] < 31


def test_minutes_count_over_resumed_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(loop, "time", FakeTime())
    with pytest.raises(Killed):
        made_loop(tmp_path, minutes=1.0).run(0, CountingPhase(kill_at=40), total_share=1.0)
    phase = CountingPhase()
    made_loop(tmp_path, minutes=1.0, resume=True).run(0, phase, total_share=1.0)
    assert phase.seen[0][0] == 35
    assert phase.seen[0][1] < 0.8
    assert phase.seen[-1][1] < 0.05


def _facts(folder: Path) -> str:
    from safetensors import safe_open

    with safe_open(folder / CHECKPOINT, framework="pt") as file:
        return str(file.metadata()["facts"])


def test_time_makes_checkpoints_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(loop, "time", FakeTime())
    saved: list[int] = []

    def note(path: Path, tensors: dict[str, Tensor], facts: dict[str, Any]) -> None:
        saved.append(facts["step"])
        save_checkpoint(path, tensors, facts)

    monkeypatch.setattr(loop, "save_checkpoint", note)
    recipe = tiny_recipe(tmp_path, "wavelet", "checkpoint_steps=0", "checkpoint_minutes=0.1")
    run = TrainingLoop(recipe, tmp_path, minutes=None, resume=False, report=lambda _: None)
    run.run(0, CountingPhase(), total_share=1.0)
    assert len(saved) > 2
    assert saved[-1] == 50


def test_progress_tells_speed_and_time_left(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(loop, "time", FakeTime())
    reports: list[Progress] = []
    made_loop(tmp_path, reports=reports).run(0, CountingPhase(), total_share=1.0)
    assert len(reports) > 5
    assert [r.step for r in reports] == sorted(r.step for r in reports)
    for report in reports:
        assert report.phase == "counting"
        assert report.fraction == pytest.approx(report.step / 50)
        assert report.seconds_left == pytest.approx((50 - report.step) / report.steps_per_second)
        assert set(report.metrics) == {"loss", "gradient"}
    assert reports[-1].fraction == 1


def test_not_a_number_stops_before_the_checkpoint(tmp_path: Path) -> None:
    with pytest.raises(TrainingError, match=r"phase counting is not a number at step 14.*`resume`"):
        made_loop(tmp_path).run(0, CountingPhase(nan_at=13), total_share=1.0)
    assert made_loop(tmp_path, resume=True).place.step == 7


def test_a_checkpoint_of_other_networks(tmp_path: Path) -> None:
    class Other(CountingPhase):
        def restore(self, tensors: dict[str, Tensor]) -> None:
            raise RuntimeError("size mismatch for levels.0.first.weight\nand more lines")

    made_loop(tmp_path).run(0, CountingPhase(), total_share=1.0)
    with pytest.raises(TrainingError, match="does not fit the networks"):
        made_loop(tmp_path, resume=True).run(0, Other(), total_share=1.0)


def test_a_checkpoint_without_a_place(tmp_path: Path) -> None:
    save_checkpoint(tmp_path / CHECKPOINT, {"total": torch.zeros(1)}, {"step": 3})
    with pytest.raises(TrainingError, match="damaged"):
        made_loop(tmp_path, resume=True)


def test_rows_of_older_checkpoints_may_lack(tmp_path: Path) -> None:
    facts = {"phase": 0, "step": 45, "seconds": 1.5}
    save_checkpoint(tmp_path / CHECKPOINT, {"total": torch.zeros(())}, facts)
    phase = CountingPhase()
    made_loop(tmp_path, resume=True).run(0, phase, total_share=1.0)
    assert len(phase.seen) == 5


def test_versions_are_kept(tmp_path: Path) -> None:
    write_versions(tmp_path)
    versions = json.loads((tmp_path / "versions.json").read_text())
    assert versions["torch"] == torch.__version__
    assert {"vqzip", "numpy", "python", "machine", "threads", "command"} <= set(versions)
