"""Gated PixelCNNs: causality, formulas, cached sampling, statistics of samples."""

from __future__ import annotations

import itertools
import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor

from vqzip.errors import UsageError
from vqzip.families.family import write_stored
from vqzip.families.known import load_model
from vqzip.families.loading import tensors_of
from vqzip.families.pixelcnn.config import PixelCnnConfig
from vqzip.families.pixelcnn.model import PixelCnnModel
from vqzip.families.pixelcnn.network import GatedPixelCnn, gate
from vqzip.families.pixelcnn.sampler import CachedSampler, sampled, sharpened
from vqzip.models.abilities import Draw

TINY = PixelCnnConfig(
    "tiny", height=5, width=6, values=8, classes=3, hidden=4, layers=3, embedding=2, output=5
)


def network_of(config: PixelCnnConfig, seed: int = 0) -> GatedPixelCnn:
    torch.manual_seed(seed)
    return GatedPixelCnn(config).eval()


def maps_of(config: PixelCnnConfig, count: int) -> Tensor:
    generator = torch.Generator().manual_seed(1)
    shape = (count, 1, config.height, config.width)
    return torch.randint(config.values, shape, generator=generator)


def model_of(config: PixelCnnConfig, folder: Path) -> PixelCnnModel:
    write_stored(folder, config, tensors_of(network_of(config)))
    model = load_model(folder)
    assert isinstance(model, PixelCnnModel)
    return model


@pytest.mark.parametrize("kernel", [3, 5])
def test_a_position_sees_what_is_before_it_and_nothing_else(kernel: int) -> None:
    network = network_of(replace(TINY, kernel=kernel, hidden=8, output=32))
    values, labels = maps_of(TINY, 1), torch.tensor([1])
    before = network(values, labels)
    places = list(itertools.product(range(TINY.height), range(TINY.width)))
    for number, (row, column) in enumerate(places):
        changed = values.clone()
        changed[0, 0, row, column] = (changed[0, 0, row, column] + 3) % TINY.values
        differs = (network(changed, labels) != before).any(1)[0]
        seen = [bool(differs[place]) for place in places]
        assert not any(seen[: number + 1])
        # No blind spot: the next row depends on it to both sides.
        if row < TINY.height - 1:
            assert bool(differs[row + 1, max(0, column - 3) : column + 4].all())


def test_gates_and_their_gradient() -> None:
    features = torch.randn(2, 6, 2, 2, dtype=torch.float64, requires_grad=True)
    a, b = features.detach().numpy()[:, :3], features.detach().numpy()[:, 3:]
    assert gate(features).detach().numpy() == pytest.approx(np.tanh(a) / (1 + np.exp(-b)))
    assert torch.autograd.gradcheck(gate, (features,))


def test_the_loss_is_that_of_numpy() -> None:
    network, values, labels = network_of(TINY), maps_of(TINY, 2), torch.tensor([0, 2])
    logits = network(values, labels).detach().numpy().astype(np.float64)
    chosen = np.take_along_axis(logits, values.numpy(), 1)[:, 0]
    nats = (np.log(np.exp(logits).sum(1)) - chosen).sum((1, 2))
    assert network.nats(values, labels).detach().numpy() == pytest.approx(nats, rel=1e-5)
    loss = network.loss(values, labels, torch.Generator(), 0.0)["loss"].item()
    assert loss == pytest.approx(nats.mean() / math.log(2) / 30, rel=1e-5)


def test_gradients_of_the_loss() -> None:
    config = replace(TINY, height=2, width=3, hidden=2, layers=2, embedding=0)
    network = network_of(config).double()
    values, labels = maps_of(config, 1), torch.tensor([1])
    names = [name for name, _ in network.named_parameters()]
    inputs = tuple(p.detach().clone().requires_grad_() for p in network.parameters())

    def nats(*weights: Tensor) -> Tensor:
        def logits_of(values: Tensor) -> Tensor:
            return network.inputs(values).double()

        own = dict(zip(names, weights, strict=True))
        found = torch.func.functional_call(network, own, (values, labels))
        assert logits_of(values).dtype == torch.float64
        return torch.nn.functional.cross_entropy(found, values[:, 0])

    network.inputs = lambda values: values.double() / 4 - 1  # type: ignore[method-assign]
    assert torch.autograd.gradcheck(nats, inputs)


@pytest.mark.parametrize("kernel", [3, 5])
def test_cached_logits_are_those_of_the_whole_network(kernel: int) -> None:
    config = replace(TINY, kernel=kernel)
    network, values = network_of(config), maps_of(config, 4)
    labels = torch.tensor([0, 1, 2, 1])
    whole = network(values, labels)
    sampler = CachedSampler(network, 4, labels)
    for row in range(config.height):
        for column in range(config.width):
            logits = sampler.logits(column)
            assert torch.allclose(logits, whole[:, :, row, column], atol=1e-5)
            sampler.put(column, values[:, 0, row, column])
        sampler.end_row()


def test_samples_have_the_statistics_of_the_likelihood() -> None:
    """All maps of two by two positions with two values: frequencies are the probabilities."""
    config = replace(TINY, height=2, width=2, values=2, classes=0)
    network = network_of(config)
    network.load_state_dict({name: 2 * t for name, t in network.state_dict().items()})
    every = torch.tensor(list(itertools.product((0, 1), repeat=4))).reshape(16, 1, 2, 2)
    probabilities = torch.exp(-network.nats(every)).detach().double().numpy()
    assert probabilities.sum() == pytest.approx(1, abs=1e-5)
    count = 20_000
    drawn = sampled(network, count, None, torch.Generator().manual_seed(3))
    numbers = (drawn.reshape(count, 4) * torch.tensor([8, 4, 2, 1])).sum(1)
    found = np.bincount(numbers.numpy(), minlength=16)
    expected = count * probabilities
    assert ((found - expected) ** 2 / expected).sum() < 45  # 15 degrees of freedom, p < 0.0001


def test_temperature_and_top_k() -> None:
    logits = torch.tensor([[0.0, 1.0, 2.0, 3.0]])
    assert sharpened(logits, 1.0, 2)[0, :2].tolist() == [0, 0]
    expected = np.exp([0, 2, 4, 6]) / np.exp([0, 2, 4, 6]).sum()
    assert sharpened(logits, 0.5, None)[0].numpy() == pytest.approx(expected, rel=1e-5)
    assert torch.equal(sharpened(logits, 1.0, 9), sharpened(logits, 1.0, None))


def test_scores_and_samples_of_classes(tmp_path: Path) -> None:
    model = model_of(replace(TINY, values=256, hidden=8, output=32), tmp_path / "classes")
    pixels = np.random.default_rng(0).integers(0, 256, (3, 5, 6, 1)).astype(np.uint8)
    by_class = np.array([model.score(pixels, labels=[label] * 3).bits for label in range(3)])
    mean = -np.log2(np.mean(2.0 ** -(by_class - by_class.min(0)), 0)) + by_class.min(0)
    assert model.score(pixels).bits == pytest.approx(mean, rel=1e-5)
    one, two = (model.sample(Draw(2, 4, temperature=0.02, label=label)) for label in (0, 2))
    assert one[0].pixels.shape == (5, 6)
    assert not np.array_equal(one[0].pixels, two[0].pixels)
    for label in (-1, 3):
        with pytest.raises(UsageError, match="are 0 to 2"):
            model.sample(Draw(count=1, label=label))


def test_a_model_without_classes_refuses_a_label(tmp_path: Path) -> None:
    model = model_of(replace(TINY, classes=0, values=2), tmp_path / "plain")
    assert set(np.unique(model.sample(Draw(count=2))[0].pixels)) <= {0, 255}
    with pytest.raises(UsageError, match="has no `label`"):
        model.sample(Draw(count=1, label=0))
