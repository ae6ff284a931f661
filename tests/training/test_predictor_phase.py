"""Predictors learn from rounded codes, each by the loss of its own level."""

from __future__ import annotations

import dataclasses
import math
from pathlib import Path

import numpy as np
import pytest
import torch

from tests.training import tiny_recipes
from tests.training.tiny_recipes import tiny_recipe, write_pictures
from vqzip.errors import RecipeError
from vqzip.training.phases.predictors import CURVATURE, PredictorPhase
from vqzip.training.recipe.config import Recipe
from vqzip.training.recipe.phases import PredictorPhaseConfig

CPU = torch.device("cpu")


@pytest.fixture(scope="module")
def pictures(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_pictures(tmp_path_factory.mktemp("predictors") / "pictures")


def made_phase(recipe: Recipe, pictures: Path) -> PredictorPhase:
    phase = tiny_recipes.made_phase(recipe, pictures, "predictors")
    assert isinstance(phase, PredictorPhase)
    return phase


def take(phase: PredictorPhase, first: int, last: int, total: int = 40) -> list[dict[str, float]]:
    return [phase.step(number, 1 - number / total) for number in range(first, last)]


def test_only_predictors_and_the_last_network_move(tmp_path: Path, pictures: Path) -> None:
    phase = made_phase(tiny_recipe(tmp_path, "predicted"), pictures)
    before = {name: tensor.clone() for name, tensor in phase.tensors().items()}
    rows = take(phase, 0, 3)
    moved = {name for name, t in phase.tensors().items() if not torch.equal(t, before.get(name, t))}
    for part in ("predictors", "after"):
        assert any(name.startswith(f"vqvae.transform.{part}.") for name in moved)
    learned = ("vqvae.transform.predictors.", "vqvae.transform.after.", "optimizer.")
    assert all(name.startswith(learned) for name in moved), moved
    assert set(rows[0]) == {"loss", "log_error", "distortion", "gradient"}
    assert all(math.isfinite(value) for row in rows for value in row.values())


def test_a_restored_phase_takes_the_same_steps(tmp_path: Path, pictures: Path) -> None:
    recipe = tiny_recipe(tmp_path, "predicted")
    expected = take(made_phase(recipe, pictures), 0, 4)
    first = made_phase(recipe, pictures)
    take(first, 0, 2)
    second = made_phase(recipe, pictures)
    second.restore({name: tensor.clone() for name, tensor in first.tensors().items()})
    assert take(second, 2, 4) == expected[2:]


def test_the_cost_is_bits_and_the_error_of_zeros(tmp_path: Path, pictures: Path) -> None:
    """Against a loop over the latents of the predicted level."""
    phase = made_phase(tiny_recipe(tmp_path, "predicted"), pictures)
    batch = phase.setup.batch(5, 0, 1, phase.window)
    pixels = batch.pixels
    step, offset = torch.tensor([30.0]), torch.tensor([0.4])
    with torch.no_grad():
        cost, _ = phase._predicted(batch, step, offset)
        # A predictor that starts at zero leaves the subbands as they are.
        latents = phase.transform.analyze(pixels, step)[2]
    z = latents.double().numpy().ravel() / 30.0
    bits = np.log2(1 + CURVATURE * z**2).sum()
    error = (z[np.abs(z) < 0.6] ** 2).sum() * 30.0**2
    price = phase.config.rate_weight * 0.3**2
    expected = (bits + error / price) / (batch.height * batch.width)
    assert cost.item() == pytest.approx(expected, rel=1e-4)


@pytest.mark.parametrize("kind", ["joint", "wavelet"])
def test_without_predictors_there_is_no_such_phase(
    tmp_path: Path, pictures: Path, kind: str
) -> None:
    config = PredictorPhaseConfig(steps=1, batch=1, learning_rate=1)
    recipe = dataclasses.replace(tiny_recipe(tmp_path, kind), phases=(config,))
    with pytest.raises(RecipeError, match="needs predictors"):
        made_phase(recipe, pictures)


@pytest.mark.slow
def test_predictors_lower_the_cost_of_details(tmp_path: Path, pictures: Path) -> None:
    settings = ("phases.predictors.learning_rate=0.003", "data.gray_share=0")
    phase = made_phase(tiny_recipe(tmp_path, "predicted", *settings), pictures)
    rows = take(phase, 0, 150, total=150)
    fixed = made_phase(tiny_recipe(tmp_path, "predicted", *settings), pictures)
    for group in fixed.optimizer.param_groups:
        group["params"] = [torch.zeros(1, requires_grad=True)]
    before = take(fixed, 110, 150, total=150)
    gains = [a["loss"] - b["loss"] for a, b in zip(rows[110:], before, strict=True)]
    assert np.mean(gains) < -0.002
