"""The two phases: steps, their metrics, learning, and a checkpoint that changes nothing."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from torch import Tensor, nn

from tests.training.tiny_recipes import made_phase, made_pixels, tiny_recipe, write_pictures
from vqzip.training.phases import optimizing
from vqzip.training.phases.optimizing import learning_rate, step_optimizer
from vqzip.training.phases.phase import Phase
from vqzip.training.phases.prior import PriorPhase
from vqzip.training.phases.vqvae import VqvaePhase, order0_bpp

CPU = torch.device("cpu")


@pytest.fixture(scope="module")
def pictures(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_pictures(tmp_path_factory.mktemp("phases") / "pictures")


def take(phase: Phase, first: int, last: int, total: int = 40) -> list[dict[str, float]]:
    return [phase.step(number, 1 - number / total) for number in range(first, last)]


@pytest.mark.parametrize(
    ("kind", "phase_kind", "setting"),
    [
        ("wavelet", "prior", "seed=1"),
        ("codebook", "vqvae", "phases.vqvae.codebook='ema'"),
        ("codebook", "vqvae", "phases.vqvae.codebook='kmeans'"),
        ("codebook", "prior", "phases.prior.bfloat16=true"),
    ],
)
@pytest.mark.parametrize("cut", [2, 5, 9])
def test_a_restored_phase_takes_the_same_steps(
    tmp_path: Path, pictures: Path, kind: str, phase_kind: str, setting: str, cut: int
) -> None:
    recipe = tiny_recipe(tmp_path, kind, setting, "phases.prior.batch=1")
    unbroken = made_phase(recipe, pictures, phase_kind)
    expected = take(unbroken, 0, 12)
    first = made_phase(recipe, pictures, phase_kind)
    take(first, 0, cut)
    saved = {name: tensor.clone() for name, tensor in first.tensors().items()}
    second = made_phase(recipe, pictures, phase_kind)
    second.restore(saved)
    assert take(second, cut, 12) == expected[cut:]
    final = unbroken.tensors()
    for name, tensor in second.tensors().items():
        assert torch.equal(tensor, final[name]), name


def test_metrics_of_the_vqvae_phase(tmp_path: Path, pictures: Path) -> None:
    phase = made_phase(tiny_recipe(tmp_path, "codebook"), pictures, "vqvae")
    rows = take(phase, 0, 12)
    assert set(rows[0]) == {"loss", "psnr_db", "gradient"}
    assert set(rows[-1]) == {
        *("loss", "psnr_db", "order0_bpp", "commitment", "gradient"),
        *("level0_used", "level0_perplexity", "level1_used", "level1_perplexity"),
    }
    last = rows[-1]
    assert 0 < last["order0_bpp"] <= 3 / 64 + 3 / 16
    assert 1 <= last["level0_perplexity"] <= last["level0_used"] <= 8
    assert all(math.isfinite(value) for row in rows for value in row.values())


@pytest.mark.parametrize(("kind", "levels"), [("wavelet", 3), ("codebook", 2)])
def test_metrics_of_the_prior_phase(tmp_path: Path, pictures: Path, kind: str, levels: int) -> None:
    recipe = tiny_recipe(tmp_path, kind)
    row = made_phase(recipe, pictures, "prior").step(0, 1.0)
    names = {f"level{number}_bits_per_code" for number in range(levels)}
    assert set(row) == {"loss", "code_length_bpp", "gradient", *names}
    total = sum(
        row[f"level{number}_bits_per_code"] * level.channels / level.stride**2
        for number, level in enumerate(recipe.vqvae.levels)
    )
    assert row["code_length_bpp"] == pytest.approx(total, rel=1e-4)


def test_a_short_run_has_codebooks(tmp_path: Path, pictures: Path) -> None:
    """Steps without quantization never take more than a quarter of the phase."""
    recipe = tiny_recipe(tmp_path, "codebook", "phases.vqvae.continuous_steps=1000")
    phase = made_phase(recipe, pictures, "vqvae")
    rows = take(phase, 0, 10, total=10)
    assert ["level0_used" in row for row in rows] == 3 * [False] + 7 * [True]


def test_codebooks_start_once(tmp_path: Path, pictures: Path) -> None:
    phase = made_phase(tiny_recipe(tmp_path, "codebook"), pictures, "vqvae")
    assert isinstance(phase, VqvaePhase)
    take(phase, 0, 10)
    assert not phase.started
    early = {name: tensor.clone() for name, tensor in phase.tensors().items()}
    take(phase, 10, 12)
    late = {name: tensor.clone() for name, tensor in phase.tensors().items()}
    other = made_phase(tiny_recipe(tmp_path, "codebook"), pictures, "vqvae")
    assert isinstance(other, VqvaePhase)
    other.restore(early)
    assert not other.started
    other.restore(late)
    assert other.started


@pytest.mark.parametrize("kind", ["wavelet", "codebook"])
@pytest.mark.parametrize("side", [300, 256, 96, 30])
def test_codes_of_crops_are_those_of_the_context_tile(tmp_path: Path, kind: str, side: int) -> None:
    """The tile is the picture where that is smaller than 256 pixels."""
    Image.fromarray(made_pixels(1, side, side + 40)).save(tmp_path / "one.png")
    recipe = tiny_recipe(tmp_path, kind, "data.margin=8", "data.gray_share=0.5")
    phase = made_phase(recipe, tmp_path / "one.png", "prior")
    assert isinstance(phase, PriorPhase)
    batch = phase.setup.batch(2, 0, 4, phase.tiles.window)
    # One picture in four gets its random numbers, as in a step.
    phase = made_phase(
        tiny_recipe(tmp_path, kind, "phases.prior.batch=4"), tmp_path / "one.png", "prior"
    )
    assert isinstance(phase, PriorPhase)
    generator = torch.Generator().manual_seed(0)
    codes, log_step, tile = phase.codes.codes(batch, phase.tiles, generator)
    assert log_step.shape == (4,)
    assert (tile.height, tile.width) == (min(side, 256), min(side + 40, 256))
    if kind == "wavelet":
        assert codes[0][~batch.gray][:, 1:].any()
    for number, (level, config) in enumerate(zip(codes, recipe.vqvae.levels, strict=True)):
        shape = recipe.vqvae.shape(number, tile.height, tile.width)
        assert level.shape == (4, config.channels, *shape)
        if kind == "wavelet":
            assert not level[batch.gray][:, config.channels // 3 :].any()


def test_the_prior_of_small_pictures_learns_and_logs_their_codes_alone(tmp_path: Path) -> None:
    """A picture of 32 x 32 was 1/64 of a tile: 0.030 bpp were logged where files took 0.89."""
    for number in range(4):
        Image.fromarray(made_pixels(number, 32, 32)).save(tmp_path / f"{number}.png")
    recipe = tiny_recipe(tmp_path, "codebook", "phases.prior.batch=4")
    phase = made_phase(recipe, tmp_path, "prior")
    assert isinstance(phase, PriorPhase)
    row = phase.step(0, 1.0)
    # Of an untrained prior a code takes about 3 bits (8 codewords), and there are 16 + 64 codes.
    assert 0.7 * 3 * 80 / 1024 < row["code_length_bpp"] < 1.6 * 3 * 80 / 1024
    batch = phase.setup.batch(2, 0, 4, phase.tiles.window)
    assert batch.pixels.shape == (4, 3, 32, 32)


def test_grid_codes_are_rounded_latents(tmp_path: Path, pictures: Path) -> None:
    recipe = tiny_recipe(
        tmp_path,
        "wavelet",
        "phases.prior.deadzone=[0.4, 0.4]",
        "phases.prior.batch=2",
        "data.margin=0",
        "data.gray_share=0",
    )
    phase = made_phase(recipe, pictures, "prior")
    assert isinstance(phase, PriorPhase)
    batch = phase.setup.batch(2, 0, 2, phase.tiles.window)
    pixels = batch.pixels
    generator = torch.Generator().manual_seed(0)
    codes, log_step, _ = phase.codes.codes(batch, phase.tiles, generator)
    assert ((log_step >= math.log(5)) & (log_step <= math.log(130))).all()
    latents = phase.setup.vqvae.transform.analyze(pixels, log_step.exp())
    for level, z in zip(codes, latents, strict=True):
        scaled = z.numpy() / np.exp(log_step.numpy())[:, None, None, None]
        expected = np.sign(scaled) * np.floor(np.abs(scaled) + 0.4)
        assert np.mean(expected != level.numpy()) < 1e-4  # float32 on a border


def test_order0_bpp_is_an_entropy() -> None:
    codes = torch.tensor([0, 0, 1, 2, 5, 5, 5, 5]).view(1, 1, 2, 2, 2)
    pixels = torch.zeros(1, 3, 4, 4)
    # First stage: 4 codes of 1.5 bits; second: one code only.
    assert order0_bpp([codes], pixels) == pytest.approx(6 / 16)
    assert order0_bpp([codes, codes], pixels) == pytest.approx(12 / 16)


def test_learning_rate_rises_then_falls_to_zero() -> None:
    assert learning_rate(1.0, 0, 1.0) == pytest.approx(0.01)
    assert learning_rate(1.0, 99, 1.0) == pytest.approx(1.0)
    assert learning_rate(1.0, 500, 0.5) == pytest.approx(0.5)
    assert learning_rate(1.0, 999, 0.0) == 0.0
    rates = [learning_rate(1.0, 100 + n, 1 - n / 50) for n in range(51)]
    assert rates == sorted(rates, reverse=True)


def test_gradients_are_clipped_but_those_of_codebooks_are_not_counted() -> None:
    weight, books = nn.Parameter(torch.zeros(2)), nn.Parameter(torch.zeros(2), requires_grad=False)
    optimizer = torch.optim.SGD([weight, books], lr=9.0)
    weight.grad, books.grad = torch.tensor([3.0, 4.0]), torch.tensor([100.0, 0.0])
    assert step_optimizer(optimizer, 0.5) == pytest.approx(5.0)
    torch.testing.assert_close(weight.detach(), -0.5 * torch.tensor([0.6, 0.8]), atol=1e-5, rtol=0)
    torch.testing.assert_close(books, torch.tensor([-50.0, 0.0]))


def test_bfloat16_only_where_it_is_native(monkeypatch: pytest.MonkeyPatch) -> None:
    def product() -> Tensor:
        return torch.ones(4, 4) @ torch.ones(4, 4)

    for native, wanted in ((True, True), (True, False), (False, True)):
        monkeypatch.setattr(optimizing, "computes_bfloat16", lambda device, native=native: native)
        with optimizing.autocast(CPU, wanted=wanted):
            expected = torch.bfloat16 if native and wanted else torch.float32
            assert product().dtype == expected


@pytest.mark.slow
@pytest.mark.parametrize("rule", ["ema", "kmeans"])
def test_codebooks_learn(tmp_path: Path, pictures: Path, rule: str) -> None:
    settings = [
        f"phases.vqvae.codebook='{rule}'",
        "phases.vqvae.batch=8",
        "vqvae.transform.hidden=24",
    ]
    settings += ["phases.vqvae.commitment=0.05", "phases.vqvae.bfloat16=false"]
    phase = made_phase(tiny_recipe(tmp_path, "codebook", *settings), pictures, "vqvae")
    rows = take(phase, 0, 300, total=300)
    last = rows[-20:]
    assert np.mean([row["loss"] for row in last]) < 0.5 * rows[0]["loss"]
    for level in (0, 1):
        assert np.mean([row[f"level{level}_perplexity"] for row in last]) > 2.5
        assert np.mean([row[f"level{level}_used"] for row in last]) > 5


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["wavelet", "codebook"])
def test_the_prior_learns(tmp_path: Path, pictures: Path, kind: str) -> None:
    phase = made_phase(tiny_recipe(tmp_path, kind), pictures, "prior")
    rows = take(phase, 0, 250, total=250)
    start = np.mean([row["code_length_bpp"] for row in rows[:10]])
    end = np.mean([row["code_length_bpp"] for row in rows[-50:]])
    assert end < 0.7 * start
