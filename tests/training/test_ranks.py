"""Two processes on gloo train the same networks as one process on the joint batch."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import torch
from PIL import Image
from safetensors.torch import load_file

from tests.training.tiny_recipes import made_pixels, write_recipe
from vqzip.errors import TrainingError
from vqzip.training.loop import CHECKPOINT
from vqzip.training.ranks import Ranks
from vqzip.training.run_log import METRICS, read_rows

SETTINGS = ("phases.prior.batch=2", "phases.prior.steps=12", "phases.vqvae.steps=24")


def command(folder: Path, out: str, *more: str) -> list[str]:
    found = ["train", str(folder / "codebook.toml"), "--data", str(folder / "pictures")]
    found += ["--out", str(folder / out), "--device", "cpu", *more]
    return found + [part for setting in SETTINGS for part in ("--set", setting)]


def start(folder: Path, out: str, processes: int, *more: str) -> subprocess.Popen[bytes]:
    environment = dict(os.environ, OMP_NUM_THREADS="1", OPENBLAS_NUM_THREADS="1")
    launcher = [] if processes == 1 else ["-m", "torch.distributed.run", "--standalone"]
    launcher += [] if processes == 1 else ["--nproc-per-node", str(processes)]
    return subprocess.Popen(
        [sys.executable, *launcher, "-m", "vqzip", *command(folder, out, *more)],
        env=environment,
        stderr=subprocess.DEVNULL,
    )


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    write_recipe(tmp_path, "codebook")
    (tmp_path / "pictures").mkdir()
    for number in range(3):
        Image.fromarray(made_pixels(number, 64, 96)).save(tmp_path / "pictures" / f"{number}.png")
    return tmp_path


@pytest.mark.slow
def test_two_processes_train_as_one_on_the_joint_batch(folder: Path) -> None:
    for out, processes in (("one", 1), ("two", 2)):
        start(folder, out, processes).wait()
    one, two = (read_rows(folder / out / METRICS) for out in ("one", "two"))
    assert [(row["phase"], row["step"]) for row in one] == [
        (row["phase"], row["step"]) for row in two
    ]
    for first, second in zip(one, two, strict=True):
        assert second["loss"] == pytest.approx(first["loss"], rel=1e-2)
    first, second = (load_file(folder / out / CHECKPOINT) for out in ("one", "two"))
    for name in first:
        if name.endswith("codebooks"):
            assert torch.allclose(first[name], second[name], atol=0.05), name
    card = (folder / "two" / "model" / "CARD.md").read_text()
    assert "3 pictures" in card


@pytest.mark.slow
def test_a_process_that_is_killed_ends_the_others_and_resume_goes_on(folder: Path) -> None:
    process = start(folder, "two", 2)
    while not (folder / "two" / CHECKPOINT).is_file() and process.poll() is None:
        time.sleep(0.02)
    process.send_signal(signal.SIGTERM)
    assert process.wait() != 0
    start(folder, "two", 2, "--resume").wait()
    assert (folder / "two" / "model" / "CARD.md").is_file()
    known = json.loads((folder / "two" / "arguments.json").read_text())
    assert known["data"].endswith("pictures")


def test_a_batch_must_be_shared_evenly() -> None:
    assert [Ranks(rank, 2).part(6) for rank in (0, 1)] == [slice(0, 3), slice(3, 6)]
    with pytest.raises(TrainingError, match="set batch to a multiple of 2"):
        Ranks(0, 2).part(5)


def test_one_process_changes_nothing() -> None:
    tensor = torch.arange(4.0)
    assert torch.equal(Ranks().sum(tensor), tensor)
    assert Ranks().mean({"loss": 2.0}) == {"loss": 2.0}
    assert Ranks().first(3.0) == 3.0
