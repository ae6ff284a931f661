"""Deep belief networks: partition functions, contrastive divergence, bounds, statistics of samples."""

from __future__ import annotations

import itertools
import math
from pathlib import Path

import numpy as np
import pytest
import torch

from vqzip.errors import ModelError, PictureError
from vqzip.families.dbn.config import DbnConfig
from vqzip.families.dbn.model import DbnModel
from vqzip.families.dbn.network import Dbn, Rbm, bernoulli
from vqzip.families.family import write_stored
from vqzip.families.known import load_model
from vqzip.families.loading import tensors_of
from vqzip.models.abilities import Draw, Samples, Scores

CONFIG = DbnConfig("tiny", height=2, width=2, hidden=(3, 4))
EVERY = torch.tensor(list(itertools.product((0, 1), repeat=4)))
"""All pictures of 2 x 2 binary samples."""


def rbm(visible: int, hidden: int, seed: int = 0) -> Rbm:
    torch.manual_seed(seed)
    machine = Rbm(visible, hidden)
    with torch.no_grad():
        for parameter in machine.parameters():
            parameter.copy_(torch.randn(parameter.shape))
    return machine.requires_grad_(requires_grad=False)


def dbn(config: DbnConfig = CONFIG) -> Dbn:
    network = Dbn(config)
    generator = torch.Generator().manual_seed(2)
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.copy_(0.7 * torch.randn(parameter.shape, generator=generator))
    return network.requires_grad_(requires_grad=False)


def states(units: int) -> np.ndarray:
    return np.array(list(itertools.product((0, 1), repeat=units)), np.float64)


def by_energies(machine: Rbm) -> tuple[float, np.ndarray]:
    """Return log Z and p(v) from the energies of all states."""
    weight, b, c = (t.double().numpy() for t in machine.parameters())
    v, h = states(len(b)), states(len(c))
    masses = np.exp((v @ b)[:, None] + (h @ c)[None] + v @ weight @ h.T)
    return float(np.log(masses.sum())), masses.sum(1) / masses.sum()


@pytest.mark.parametrize(("visible", "hidden"), [(4, 3), (3, 6), (5, 5)])
def test_the_partition_function_is_the_sum_over_all_states(visible: int, hidden: int) -> None:
    machine = rbm(visible, hidden)
    expected, probabilities = by_energies(machine)
    assert machine.log_partition() == pytest.approx(expected, rel=1e-5)
    found = machine.log_mass(torch.from_numpy(states(visible)).float()) - expected
    assert found.exp().numpy() == pytest.approx(probabilities, rel=1e-4)


def test_annealed_importance_sampling_finds_the_partition_function() -> None:
    machine = rbm(6, 5, seed=3)
    exact, _ = by_energies(machine)
    generator = torch.Generator().manual_seed(0)
    assert machine.estimated_log_partition(500, 300, generator) == pytest.approx(exact, abs=0.1)


def test_large_machines_are_not_enumerated() -> None:
    with pytest.raises(ValueError, match="too many states"):
        rbm(19, 20).log_partition()


def test_the_gradient_is_that_of_contrastive_divergence() -> None:
    config = DbnConfig("one", height=2, width=3, hidden=(4,))
    network = dbn(config).requires_grad_(requires_grad=True)
    machine = network.rbms[0]
    values = torch.randint(0, 2, (7, 1, 2, 3), generator=torch.Generator().manual_seed(5))
    network.loss(values, None, torch.Generator().manual_seed(6), 0.0)["loss"].backward()  # type: ignore[no-untyped-call]
    v0 = values.flatten(1).float()
    generator = torch.Generator().manual_seed(6)
    with torch.no_grad():
        v1 = bernoulli(machine.visible(bernoulli(machine.hidden(v0), generator)), generator)
        h0, h1 = (torch.sigmoid(machine.hidden(v)).numpy() for v in (v0, v1))
    expected = (v1.numpy().T @ h1 - v0.numpy().T @ h0) / 7
    assert machine.weight.grad is not None
    assert machine.weight.grad.numpy() == pytest.approx(expected, abs=1e-5)


def test_layers_are_trained_one_after_another() -> None:
    network = dbn().requires_grad_(requires_grad=True)
    values = EVERY.reshape(16, 1, 2, 2)
    for progress, number in ((0.0, 0), (0.49, 0), (0.5, 1), (1.0, 1)):
        network.zero_grad()
        network.loss(values, None, torch.Generator().manual_seed(0), progress)["loss"].backward()  # type: ignore[no-untyped-call]
        assert [machine.weight.grad is not None for machine in network.rbms] == [
            layer == number for layer in range(2)
        ]


def exact_probabilities(network: Dbn) -> np.ndarray:
    """Return p(v) of all pictures of a network of two layers."""
    lower, upper = network.rbms
    _, above = by_energies(upper)
    weight, b, _ = (t.double().numpy() for t in lower.parameters())
    logits = states(3) @ weight.T + b
    on = 1 / (1 + np.exp(-logits))
    v = states(4)
    given = np.prod(np.where(v[:, None] == 1, on[None], 1 - on[None]), -1)
    return np.asarray(given @ above)


def test_bounds_are_above_the_exact_likelihood_and_exact_on_average() -> None:
    network, generator = dbn(), torch.Generator().manual_seed(0)
    expected = exact_probabilities(network)
    assert expected.sum() == pytest.approx(1)
    log_z = network.rbms[-1].log_partition()
    values = EVERY.reshape(16, 1, 2, 2)
    bounds = torch.stack([network.bound(values, log_z, generator) for _ in range(4000)]).double()
    assert bool((bounds.mean(0).numpy() > -np.log(expected)).all())
    # The mean of p(v, h) / q(h | v) over samples of q is p(v).
    assert torch.exp(-bounds).mean(0).numpy() == pytest.approx(expected, rel=0.1)


def test_samples_have_the_statistics_of_the_likelihood() -> None:
    network, generator = dbn(), torch.Generator().manual_seed(1)
    shown = network.sampled(20_000, 50, generator)
    drawn = (torch.rand(shown.shape, generator=generator) < shown).int()
    numbers = (drawn * torch.tensor([8, 4, 2, 1])).sum(1).numpy()
    found, expected = np.bincount(numbers, minlength=16), 20_000 * exact_probabilities(network)
    assert ((found - expected) ** 2 / expected).sum() < 45  # 15 degrees of freedom, p < 0.0001


def test_a_model(tmp_path: Path) -> None:
    write_stored(tmp_path / "one", CONFIG, tensors_of(dbn()))
    model = load_model(tmp_path / "one")
    assert isinstance(model, DbnModel)
    assert isinstance(model, Scores)
    assert isinstance(model, Samples)
    pixels = EVERY.numpy().astype(np.uint8).reshape(16, 2, 2, 1)
    score = model.score(pixels)
    assert score.kind == "bound"
    assert (2**-score.bits).sum() == pytest.approx(1, abs=0.2)
    assert [p.pixels.shape for p in model.sample(Draw(count=2))] == [(2, 2)] * 2
    with pytest.raises(PictureError, match="binarize them first"):
        model.score(pixels * 255)
    write_stored(tmp_path / "two", DbnConfig("two", hidden=(0,)), {})
    with pytest.raises(ModelError, match="of 1 to 4096 units"):
        load_model(tmp_path / "two")


def test_a_model_of_one_small_layer_is_exact(tmp_path: Path) -> None:
    config = DbnConfig("rbm", height=2, width=2, hidden=(3,))
    write_stored(tmp_path, config, tensors_of(dbn(config)))
    model = load_model(tmp_path)
    assert isinstance(model, DbnModel)
    score = model.score(EVERY.numpy().astype(np.uint8).reshape(16, 2, 2, 1))
    assert score.kind == "exact"
    assert math.fsum(2.0**-score.bits) == pytest.approx(1, abs=1e-5)
