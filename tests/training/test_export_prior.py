"""The float prior to integers: names, ranges, and what each condition's biases are."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest
import torch

from tests.training.tiny_recipes import tiny_recipe
from vqzip.errors import TrainingError
from vqzip.exact_prior import ExactPrior
from vqzip.nets.logistic_head import SCALE_CENTRE, SCALE_GAIN
from vqzip.nets.pixelcnn import Dense, PixelCnn
from vqzip.training.export_prior import condition_inputs, export_prior


def test_conditions_are_modes_of_qualities(tmp_path: Path) -> None:
    vqvae = tiny_recipe(tmp_path, "wavelet").vqvae
    log_step, gray = condition_inputs(vqvae, 2)
    assert log_step.shape == gray.shape == (2 * 57,)
    assert gray.tolist() == [0.0] * 57 + [1.0] * 57
    assert log_step[:57].tolist() == log_step[57:].tolist()
    assert float(log_step[0]) == pytest.approx(math.log(60))
    assert float(log_step[8]) == pytest.approx(math.log(60 / 1.3))
    one, flags = condition_inputs(tiny_recipe(tmp_path, "codebook").vqvae, 1)
    assert one.tolist() == flags.tolist() == [0.0]


@pytest.mark.parametrize("kind", ["wavelet", "codebook"])
def test_what_is_exported_is_what_the_exact_prior_reads(tmp_path: Path, kind: str) -> None:
    recipe = tiny_recipe(tmp_path, kind)
    prior = PixelCnn(recipe.vqvae, recipe.prior, torch.Generator().manual_seed(1))
    before = {name: tensor.clone() for name, tensor in prior.state_dict().items()}
    tensors = export_prior(prior, recipe.vqvae)
    ExactPrior.from_tensors(recipe.vqvae, recipe.prior, tensors)
    assert all(torch.equal(before[name], t) for name, t in prior.state_dict().items())
    again = export_prior(prior, recipe.vqvae)
    assert all(np.array_equal(again[name], tensor) for name, tensor in tensors.items())
    dense = {name for name, module in prior.named_modules() if isinstance(module, Dense)}
    assert {name.rpartition(".")[0] for name in tensors if name.startswith("levels")} == dense


def test_units_of_a_logistic_output(tmp_path: Path) -> None:
    recipe = tiny_recipe(tmp_path, "wavelet")
    prior = PixelCnn(recipe.vqvae, recipe.prior)
    out = prior.levels[0].stages[1].out
    with torch.no_grad():
        out.weight.zero_()
        out.bias.copy_(torch.tensor([1.5, -2.0, 0.25, -1.0]))
    tensors = export_prior(prior, recipe.vqvae)
    values = tensors["levels.0.stages.1.out.bias"][0] >> tensors["levels.0.stages.1.out.shift"]
    scales = [SCALE_CENTRE + SCALE_GAIN * o for o in (0.25, -1.0)]
    assert values.tolist() == [24, -32, *scales]


def test_units_of_a_categorical_output(tmp_path: Path) -> None:
    recipe = tiny_recipe(tmp_path, "codebook")
    prior = PixelCnn(recipe.vqvae, recipe.prior)
    out = prior.levels[1].stages[0].out
    with torch.no_grad():
        out.weight.zero_()
        out.bias.fill_(math.log(8))
    tensors = export_prior(prior, recipe.vqvae)
    values = tensors["levels.1.stages.0.out.bias"][0] >> tensors["levels.1.stages.0.out.shift"]
    assert set(values.tolist()) == {3 * 256}


@pytest.mark.parametrize("value", [math.nan, 5000.0])
def test_weights_that_do_not_fit(tmp_path: Path, value: float) -> None:
    recipe = tiny_recipe(tmp_path, "wavelet")
    prior = PixelCnn(recipe.vqvae, recipe.prior)
    with torch.no_grad():
        prior.levels[0].first.weight[0, 0] = value
    with pytest.raises(TrainingError, match="learning rate"):
        export_prior(prior, recipe.vqvae)
