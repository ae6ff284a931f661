"""The log of a run."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from vqzip.errors import UsageError
from vqzip.measuring.report import training_curve
from vqzip.training.run_log import RunLog, read_rows


def row(phase: int, step: int, **metrics: float) -> dict[str, Any]:
    return {"phase": ("vqvae", "prior")[phase], "phase_number": phase, "step": step, **metrics}


@pytest.fixture(autouse=True)
def no_tensorboard(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "torch.utils.tensorboard", None)


def test_rows_are_json_lines(tmp_path: Path) -> None:
    log = RunLog(tmp_path, None)
    rows = [row(0, 20, loss=0.1 + 0.2), row(0, 40, loss=1e-9)]
    for one in rows:
        log.add(one)
    lines = (tmp_path / "metrics.jsonl").read_text().splitlines()
    assert [json.loads(line) for line in lines] == rows
    assert read_rows(log.path) == rows


def test_a_resumed_log_ends_at_the_checkpoint(tmp_path: Path) -> None:
    log = RunLog(tmp_path, None)
    rows = [row(0, 20), row(0, 40), row(1, 20), row(1, 40), row(1, 60)]
    for one in rows:
        log.add(one)
    RunLog(tmp_path, (1, 45))
    assert read_rows(log.path) == rows[:4]
    RunLog(tmp_path, (0, 40))
    assert read_rows(log.path) == rows[:2]
    RunLog(tmp_path, None)
    assert read_rows(log.path) == []


def test_a_line_cut_off_by_a_crash_is_dropped(tmp_path: Path) -> None:
    log = RunLog(tmp_path, None)
    log.add(row(0, 20))
    whole = log.path.read_bytes()
    log.add(row(0, 40))
    for end in range(len(whole), log.path.stat().st_size):
        log.path.write_bytes((whole + whole.replace(b"20", b"40"))[:end])
        assert read_rows(log.path) == [row(0, 20)]
    RunLog(tmp_path, (0, 60)).add(row(0, 40))
    assert read_rows(log.path) == [row(0, 20), row(0, 40)]


def test_curve_is_drawn(tmp_path: Path) -> None:
    pytest.importorskip("matplotlib")
    log = RunLog(tmp_path, None)
    for step in (20, 40, 60):
        log.add(row(0, step, loss=1 / step, psnr_db=20.0, order0_bpp=0.3, level0_perplexity=9.0))
    log.draw()
    assert (tmp_path / "curve.png").read_bytes().startswith(b"\x89PNG")


def test_without_matplotlib_there_is_no_curve(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(rows: object, path: object) -> None:
        raise UsageError("matplotlib is not installed")

    monkeypatch.setattr(training_curve, "training_curve", refuse)
    log = RunLog(tmp_path, None)
    log.add(row(0, 20, loss=1.0))
    log.draw()
    assert not (tmp_path / "curve.png").exists()
    assert len(read_rows(log.path)) == 1


def test_tensorboard_is_told_when_installed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    told: list[tuple[str, float, int]] = []
    flushed: list[str] = []

    class SummaryWriter:
        def __init__(self, folder: str) -> None:
            self.folder = folder

        def add_scalar(self, tag: str, scalar_value: float, global_step: int) -> None:
            told.append((tag, scalar_value, global_step))

        def flush(self) -> None:
            flushed.append(self.folder)

    module = ModuleType("torch.utils.tensorboard")
    module.SummaryWriter = SummaryWriter  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "torch.utils.tensorboard", module)
    log = RunLog(tmp_path, None)
    log.add(row(0, 20, loss=0.5, psnr_db=30.0))
    log.draw()
    assert told == [("vqvae/loss", 0.5, 20), ("vqvae/psnr_db", 30.0, 20)]
    assert flushed == [str(tmp_path / "tensorboard")]
