"""A whole run: refusals at its start, the model at its end, `kill -9` in between."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors.torch import load_file

import vqzip
from tests.training.tiny_recipes import KINDS, made_pixels, tiny_recipe, write_recipe
from vqzip.autoencoders.discrete import Vqvae
from vqzip.cli.train import WEAK
from vqzip.codec.self_test import self_test_picture
from vqzip.errors import ModelError, RecipeError, TrainingError, UsageError
from vqzip.models.config import BIT_PRICE
from vqzip.models.folder import load
from vqzip.models.learned import load_float_prior, load_vqvae
from vqzip.pictures.picture import Picture
from vqzip.prior.float.pixelcnn import PixelCnn
from vqzip.training.centroids import own_shifts
from vqzip.training.export import export
from vqzip.training.loop import CHECKPOINT
from vqzip.training.networks import start_from
from vqzip.training.phases.prior import PriorPhase
from vqzip.training.progress import Progress
from vqzip.training.recipe.config import Recipe
from vqzip.training.recipe.read import load_recipe
from vqzip.training.run import Surroundings, run
from vqzip.training.run_log import read_rows

ENDED = (0, WEAK)
"""Exit statuses of runs that ended; tiny models are weak."""


@pytest.fixture
def pictures(tmp_path: Path) -> Path:
    folder = tmp_path / "pictures"
    folder.mkdir()
    for number in range(2):
        Image.fromarray(made_pixels(number, 64, 96)).save(folder / f"p{number}.png")
    return folder


def rows_without_time(folder: Path) -> list[dict[str, Any]]:
    rows = read_rows(folder / "metrics.jsonl")
    return [{key: value for key, value in row.items() if key != "seconds"} for row in rows]


def assert_same_runs(first: Path, second: Path) -> None:
    assert rows_without_time(first) == rows_without_time(second)
    for name in (CHECKPOINT, "model/vqvae.safetensors", "model/prior.safetensors"):
        a, b = load_file(first / name), load_file(second / name)
        assert a.keys() == b.keys()
        assert all(torch.equal(a[key], b[key]) for key in a), name
    for name in ("config.json", "exact_prior.safetensors", "self_test.vqz", "curve.json"):
        assert (first / "model" / name).read_bytes() == (second / "model" / name).read_bytes(), name


@pytest.mark.slow
@pytest.mark.parametrize("kind", KINDS)
def test_a_run_ends_with_a_model_that_codes(tmp_path: Path, pictures: Path, kind: str) -> None:
    (pictures / "broken.jpg").write_bytes(b"no picture")
    notes: list[str] = []
    reports: list[Progress] = []
    out = tmp_path / "out"
    model = run(
        str(write_recipe(tmp_path, kind)),
        data=pictures,
        out=out,
        around=Surroundings("cpu", report=reports.append, note=notes.append),
    ).model
    assert model == out / "model"
    assert [r.phase for r in reports][-2:] == ["export", "export"]
    assert notes == [f"1 of 3 pictures could not be read; {out / 'unreadable.txt'} names them"]
    assert "broken.jpg" in (out / "unreadable.txt").read_text()
    for name in ("recipe.toml", "versions.json", "metrics.jsonl", CHECKPOINT):
        assert (out / name).is_file()
    assert not list(out.glob("*.partial"))

    codec = vqzip.load(str(out))
    image = Image.fromarray(made_pixels(7, 70, 90))
    data = codec.encode(image)
    assert data == codec.encode(image)
    decoded = codec.decode(data)
    assert decoded.size == image.size
    maps = codec.to_codes(image)
    assert codec.decode_codes(data).sha256() == maps.sha256()
    error = np.asarray(decoded, np.float64) - np.asarray(image, np.float64)
    assert np.mean(error**2) < (6000 if kind == "codebook" else 100)
    self_test = codec.decode_picture((model / "self_test.vqz").read_bytes())
    assert self_test.pixels.shape == self_test_picture().pixels.shape
    card = (model / "CARD.md").read_text()
    assert codec.model.id.hex() in card
    assert "2 pictures" in card
    assert len(json.loads((model / "curve.json").read_text())) == (1 if kind == "codebook" else 8)
    assert load_recipe(str(model / "recipe.toml")) == load_recipe(str(out / "recipe.toml"))


@pytest.mark.slow
@pytest.mark.parametrize("kind", KINDS)
def test_killed_runs_go_on_and_same_seeds_agree(tmp_path: Path, pictures: Path, kind: str) -> None:
    """`kill -9` thrice, `--resume` each time: the log and every weight of an unbroken run."""
    recipe = write_recipe(tmp_path, kind)
    command = [sys.executable, "-m", "vqzip", "train", str(recipe), "--data", str(pictures)]
    command += ["--device", "cpu"]
    environment = dict(os.environ, OMP_NUM_THREADS="1", OPENBLAS_NUM_THREADS="1")
    unbroken, broken = tmp_path / "unbroken", tmp_path / "broken"
    assert subprocess.run([*command, "--out", str(unbroken)], env=environment).returncode in ENDED
    rows = len(read_rows(unbroken / "metrics.jsonl"))
    killed = 0
    for mark in (0, 1, rows - 1):
        resume = ["--resume"] if (broken / "recipe.toml").is_file() else []
        process = subprocess.Popen([*command, "--out", str(broken), *resume], env=environment)
        while process.poll() is None:
            if (broken / CHECKPOINT).is_file() and len(read_rows(broken / "metrics.jsonl")) >= mark:
                process.send_signal(signal.SIGKILL)
            time.sleep(0.01)
        killed += process.wait() == -signal.SIGKILL
    assert killed >= 2, "a run that was never killed proves nothing"
    again = subprocess.run([*command, "--out", str(broken), "--resume"], env=environment)
    assert again.returncode in ENDED
    assert_same_runs(unbroken, broken)


def test_killed_before_the_first_checkpoint(
    tmp_path: Path, pictures: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    recipe, out = write_recipe(tmp_path, "wavelet"), tmp_path / "out"
    steps: list[int] = []

    class Killed(BaseException):
        pass

    def die(self: PriorPhase, number: int, remaining: float) -> dict[str, float]:
        steps.append(number)
        raise Killed

    monkeypatch.setattr(PriorPhase, "step", die)
    with pytest.raises(Killed):
        run(str(recipe), data=pictures, out=out, minutes=2.0, settings=["seed=8"])
    with pytest.raises(Killed):
        run(None, data=pictures, out=out, resume=True)
    assert steps == [0, 0]
    assert load_recipe(str(out / "recipe.toml")).seed == 8
    known = json.loads((out / "arguments.json").read_text())
    assert (known["minutes"], known["start"], known["data"]) == (2.0, None, str(pictures))
    assert known["recipe"] == str(recipe)
    assert known["pictures"].startswith("2 pictures")


def test_settings_of_a_resumed_run_are_kept(
    tmp_path: Path, pictures: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    recipe, out = write_recipe(tmp_path, "wavelet"), tmp_path / "out"

    def not_a_number(self: PriorPhase, number: int, remaining: float) -> dict[str, float]:
        return {"loss": float("nan"), "gradient": 1.0}

    monkeypatch.setattr(PriorPhase, "step", not_a_number)
    with pytest.raises(TrainingError, match=r"phases\.prior\.learning_rate"):
        run(str(recipe), data=pictures, out=out)
    setting = "phases.prior.learning_rate=1e-5"
    with pytest.raises(TrainingError, match="not a number"):
        run(str(recipe), data=pictures, out=out, resume=True, settings=[setting])
    (phase,) = load_recipe(str(out / "recipe.toml")).phases
    assert phase.learning_rate == 1e-5
    assert not (out / CHECKPOINT).exists()
    assert not (out / "model").exists()


def test_a_folder_that_holds_a_run(tmp_path: Path, pictures: Path) -> None:
    out = tmp_path / "out"
    out.mkdir()
    (out / CHECKPOINT).write_bytes(b"precious")
    with pytest.raises(TrainingError, match="already holds a run; add `resume`"):
        run("photo", data=pictures, out=out)
    assert [path.name for path in out.iterdir()] == [CHECKPOINT]


def test_a_damaged_checkpoint_is_refused(tmp_path: Path, pictures: Path) -> None:
    out = tmp_path / "out"
    out.mkdir()
    write_recipe(tmp_path, "wavelet").rename(out / "recipe.toml")
    (out / CHECKPOINT).write_bytes(b"no checkpoint")
    with pytest.raises(TrainingError, match="damaged"):
        run(None, data=pictures, out=out, resume=True, around=Surroundings("cpu"))


def test_refusals_leave_nothing_behind(tmp_path: Path, pictures: Path) -> None:
    recipe, out = str(write_recipe(tmp_path, "wavelet")), tmp_path / "out"
    empty, tiny = tmp_path / "empty", tmp_path / "tiny"
    empty.mkdir()
    tiny.mkdir()
    (tiny / "tiny.png").write_bytes(b"no picture")
    with pytest.raises(TrainingError, match="no pictures"):
        run(recipe, data=empty, out=out)
    with pytest.raises(TrainingError, match="no pictures"):
        run(recipe, data=pictures, valid=empty, out=out)
    with pytest.raises(TrainingError, match="`valid`"):
        run(recipe, data=pictures, valid=tiny, out=out)
    with pytest.raises(RecipeError, match="no key"):
        run(recipe, data=pictures, out=out, settings=["data.nothing=1"])
    with pytest.raises(ModelError, match="cuda:99"):
        run(recipe, data=pictures, out=out, around=Surroundings("cuda:99"))
    with pytest.raises(UsageError, match="above 0"):
        run(recipe, data=pictures, out=out, minutes=0.0)
    with pytest.raises(TrainingError, match="no run to resume"):
        run(recipe, data=pictures, out=out, resume=True)
    assert not out.exists()


def test_an_unwritable_run_folder(tmp_path: Path, pictures: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(TrainingError, match="cannot be written"):
        run(str(write_recipe(tmp_path, "wavelet")), data=pictures, out=tmp_path / "file" / "out")


@pytest.mark.slow
def test_minutes_end_a_run_well(tmp_path: Path, pictures: Path) -> None:
    settings = ["phases.vqvae.steps=1000000", "phases.prior.steps=1000000"]
    reports: list[Progress] = []
    model = run(
        str(write_recipe(tmp_path, "codebook")),
        data=pictures,
        out=tmp_path / "out",
        minutes=0.1,
        settings=settings,
        around=Surroundings("cpu", report=reports.append),
    ).model
    assert vqzip.load(str(model)).model.name == "tiny-codebook"
    for phase in ("vqvae", "prior"):
        assert max(r.fraction for r in reports if r.phase == phase) == 1
    seconds = [row["seconds"] for row in read_rows(tmp_path / "out" / "metrics.jsonl")]
    assert max(seconds) < 6


def test_a_run_inside_its_own_pictures(
    tmp_path: Path, pictures: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """curve.png must not become a training picture when the run is resumed."""
    out = pictures / "run"
    seen: list[int] = []

    class Killed(BaseException):
        pass

    def die(self: PriorPhase, number: int, remaining: float) -> dict[str, float]:
        seen.append(len(self.setup.loader.source.pictures))
        raise Killed

    monkeypatch.setattr(PriorPhase, "step", die)
    with pytest.raises(Killed):
        run(str(write_recipe(tmp_path, "wavelet")), data=pictures, out=out)
    Image.fromarray(made_pixels(5)).save(out / "curve.png")
    with pytest.raises(Killed):
        run(None, data=pictures, out=out, resume=True)
    assert seen == [2, 2]


REFINED = ("vqvae.transform.after.width=4", "vqvae.transform.after.blocks=1")
PHASES = """
[[phases]]
kind = "%s"
steps = 1
batch = 1
learning_rate = 0.001
learn = ["after"]
distortion = "%s"
"""


def refined(folder: Path, *phases: tuple[str, str], settings: tuple[str, ...] = ()) -> Recipe:
    """Return a wavelet with a network after it, and phases with a kind and a distortion each."""
    path = write_recipe(folder, "wavelet")
    path.write_text(path.read_text() + "".join(PHASES % phase for phase in phases))
    return load_recipe(str(path), [*REFINED, *settings])


def test_a_model_with_networks_keeps_centroids_and_says_its_metric(tmp_path: Path) -> None:
    recipe = refined(tmp_path, ("joint", "ms-ssim"))
    vqvae = Vqvae(recipe.vqvae)
    vqvae.initialize(torch.Generator().manual_seed(0))
    prior = PixelCnn(recipe.vqvae, recipe.prior, torch.Generator().manual_seed(0))
    before = own_shifts(vqvae)
    flat = Picture(np.full((32, 32, 3), 128, np.uint8))  # comes out exact: no finite PSNR
    pictures = [Picture(made_pixels(1, 64, 96)), flat]
    model = load(export(recipe, vqvae, prior, tmp_path, pictures, 2))
    assert model.config.metric == "ms-ssim"
    for old, new in zip(before, own_shifts(load_vqvae(model.path)), strict=True):
        assert torch.equal(old, new)
    text = (model.path / "curve.json").read_text()
    assert "Infinity" not in text
    assert {row["psnr_db"] for row in json.loads(text)} == {None}
    assert "Trained for MS-SSIM" in (model.path / "CARD.md").read_text()


@pytest.mark.parametrize(
    ("phases", "metric"),
    [
        ([("decoder", "mse")], "psnr"),
        ([("decoder", "ms-ssim"), ("joint", "mse")], "psnr"),
        ([("decoder", "mse"), ("joint", "ms-ssim")], "ms-ssim"),
        ([("decoder", "ms-ssim")], "ms-ssim"),
    ],
)
def test_the_last_distortion_says_what_a_model_is_trained_for(
    tmp_path: Path, phases: list[tuple[str, str]], metric: str
) -> None:
    config = refined(tmp_path, *phases, settings=("quality.bit_price=0.11",)).model
    assert (config.metric, config.bit_price) == (metric, 0.11)


def test_a_recipe_without_a_joint_phase_trains_for_squared_error(tmp_path: Path) -> None:
    config = tiny_recipe(tmp_path, "wavelet").model
    assert (config.metric, config.bit_price) == ("psnr", BIT_PRICE)


def test_the_self_test_picture_does_not_change() -> None:
    pixels = self_test_picture().pixels
    assert (pixels.shape, int(pixels.astype(np.int64).sum())) == ((96, 128, 3), 4515264)


@pytest.mark.slow
def test_a_run_begins_with_a_models_weights(tmp_path: Path, pictures: Path) -> None:
    around = Surroundings("cpu")
    first = run(
        str(write_recipe(tmp_path, "wavelet")), data=pictures, out=tmp_path / "a", around=around
    ).model
    recipe = load_recipe(str(write_recipe(tmp_path, "joint")))
    vqvae, prior = Vqvae(recipe.vqvae), PixelCnn(recipe.vqvae, recipe.prior)
    start_from(first, vqvae, prior)
    known = load_float_prior(load(first)).state_dict()
    assert all(torch.equal(tensor, known[name]) for name, tensor in prior.state_dict().items())

    out = tmp_path / "b"
    run(str(tmp_path / "joint.toml"), data=pictures, out=out, around=around, start=first)
    assert [row["phase"] for row in read_rows(out / "metrics.jsonl")] == ["decoder", "joint"]
    assert json.loads((out / "arguments.json").read_text())["start"] == str(first.resolve())


def test_a_run_cannot_begin_with_a_model_that_is_not_there(tmp_path: Path, pictures: Path) -> None:
    recipe, out = str(write_recipe(tmp_path, "joint")), tmp_path / "out"
    with pytest.raises(ModelError, match="no model"):
        run(recipe, data=pictures, out=out, start=tmp_path / "nowhere")
    assert not out.exists()
