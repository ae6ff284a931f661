"""The float prior to integers: names, ranges, and what each condition's biases are."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest
import torch

from tests.training.tiny_recipes import tiny_recipe
from vqzip.errors import TrainingError
from vqzip.prior.exact import ExactPrior
from vqzip.prior.export.float_to_integer import condition_inputs, export_prior, fit_float32
from vqzip.prior.float.dense import Dense
from vqzip.prior.float.pixelcnn import PixelCnn
from vqzip.prior.spec import SCALE_CENTER, SCALE_GAIN


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
    exact = ExactPrior.from_tensors(recipe.vqvae, recipe.prior, tensors)
    for level in exact.levels:
        layers = [level.state_layer, level.taps_layer, *level.update]
        layers += [layer for stage in level.stages for layer in (stage.hidden, stage.out)]
        assert {layer.carrier for layer in layers} == {np.float32}
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
    scales = [SCALE_CENTER + SCALE_GAIN * o for o in (0.25, -1.0)]
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


def integers(weight: object, bias: object, shift: object) -> dict[str, np.ndarray]:
    return {
        "weight": np.array(weight, np.int16),
        "bias": np.array(bias, np.int64),
        "shift": np.array(shift, np.int64),
    }


def largest_sum(layer: dict[str, np.ndarray], largest: np.ndarray) -> np.ndarray:
    return np.asarray(largest @ np.abs(layer["weight"].astype(int)) + np.abs(layer["bias"]).max(0))


def test_float32_takes_no_bit_that_it_need_not() -> None:
    rng = np.random.default_rng(0)
    weight = rng.normal(0, 300, (200, 30)).clip(-2047, 2047) * np.exp2(-rng.integers(0, 9, 30))
    layer = integers(np.rint(weight), rng.integers(-9999, 9999, (3, 30)), rng.integers(9, 12, 30))
    largest = rng.integers(500, 2048, 200)
    fitted = fit_float32(layer, largest)
    taken = layer["shift"] - fitted["shift"]
    assert set(taken.tolist()) >= {0, 1, 2}
    assert (largest_sum(fitted, largest) < 2**24).all()
    # What a bit more would sum to, give or take the rounding.
    assert (largest_sum(fitted, largest) * 2 > 2**24 - 200 * 2048)[taken > 0].all()
    kept = taken == 0
    for part, tensor in fitted.items():
        assert tensor.dtype == layer[part].dtype
        assert np.array_equal(tensor[..., kept], layer[part][..., kept])
    error = fitted["weight"] * 2.0**taken - layer["weight"]
    assert (np.abs(error) <= 2.0**taken).all()
    assert (np.abs(error.sum(0)) <= 0.5 * 2.0**taken).all()
    assert (np.abs(fitted["bias"] * 2.0**taken - layer["bias"]) <= 0.5 * 2.0**taken).all()


def test_a_channel_without_bits_to_give_keeps_its_weights() -> None:
    layer = integers([[2047, 1000]] * 9, [[0, 0]], [1, 1])
    fitted = fit_float32(layer, np.full(9, 2047))
    assert fitted["weight"].tolist() == [[2047, 500]] * 9
    assert fitted["shift"].tolist() == [1, 0]
