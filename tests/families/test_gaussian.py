"""The Gaussian VAE: bounds against formulas and sampling, bits back, and its abilities."""

from __future__ import annotations

import json
import math
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor

from vqzip.cli.app import run
from vqzip.errors import InvalidFile, ModelError, PictureError, RecipeError
from vqzip.families.family import write_stored
from vqzip.families.gaussian.config import GaussianConfig
from vqzip.families.gaussian.model import GaussianModel
from vqzip.families.gaussian.network import GaussianVae, Normal
from vqzip.families.known import load_model
from vqzip.families.loading import tensors_of
from vqzip.models.abilities import CompressesSets, Draw, Pixels, Reconstructs, Samples, Scores
from vqzip.training.likelihood.recipe import load_likelihood_recipe

CONFIG = GaussianConfig("tiny", height=8, width=12, latent=3, hidden=4)


@pytest.fixture(scope="module")
def network() -> GaussianVae:
    torch.manual_seed(0)
    return GaussianVae(CONFIG).eval()


@pytest.fixture(scope="module")
def pixels() -> Pixels:
    """Pictures with a gradient, so that they are not all alike."""
    rows = np.arange(8)[:, None] * np.arange(1, 13)[None]
    return np.stack([(rows * k) % 256 for k in range(1, 21)]).astype(np.uint8)[..., None]


@pytest.fixture
def model(network: GaussianVae, tmp_path: Path) -> GaussianModel:
    write_stored(tmp_path / "vae", CONFIG, tensors_of(network))
    loaded = load_model(tmp_path / "vae")
    assert isinstance(loaded, GaussianModel)
    return loaded


def normal(generator: torch.Generator, count: int = 5) -> Normal:
    numbers = torch.randn(2, count, 3, generator=generator, dtype=torch.float64)
    return Normal(numbers[0], 0.5 * numbers[1])


def test_the_divergence_is_that_of_samples() -> None:
    generator = torch.Generator().manual_seed(0)
    posterior = normal(generator)
    standard = Normal(torch.zeros_like(posterior.mean), torch.zeros_like(posterior.mean))
    noise = torch.randn(200_000, 5, 3, generator=generator, dtype=torch.float64)
    z = posterior.sample(noise)
    found = posterior.log_density(z) - standard.log_density(z)
    error = found.std(0) / math.sqrt(len(noise))
    assert bool(((found.mean(0) - posterior.divergence()).abs() < 5 * error).all())


def test_the_divergence_is_that_of_the_formula() -> None:
    posterior = normal(torch.Generator().manual_seed(1))
    mean, deviation = posterior.mean.numpy(), np.exp(posterior.log_deviation.numpy())
    expected = -0.5 * (1 + 2 * np.log(deviation) - mean**2 - deviation**2).sum(-1)
    assert posterior.divergence().numpy() == pytest.approx(expected)


def test_the_gradient_of_the_divergence() -> None:
    posterior = normal(torch.Generator().manual_seed(2))
    inputs = (posterior.mean.requires_grad_(), posterior.log_deviation.requires_grad_())

    def function(mean: Tensor, log_deviation: Tensor) -> Tensor:
        return Normal(mean, log_deviation).divergence()

    assert torch.autograd.gradcheck(function, inputs)


def test_the_importance_bound_of_one_sample_is_that_of_its_terms(
    network: GaussianVae, pixels: Pixels
) -> None:
    values = torch.from_numpy(pixels.astype(np.int64)).permute(0, 3, 1, 2)
    noise = torch.randn(1, len(values), 3, generator=torch.Generator().manual_seed(0))
    posterior = network.posterior(values)
    z = posterior.sample(noise[0]).detach().numpy()
    mean, deviation = (t.detach().numpy() for t in (posterior.mean, posterior.log_deviation.exp()))

    def log_normal(z: np.ndarray, mean: np.ndarray, deviation: np.ndarray) -> np.ndarray:
        terms = ((z - mean) / deviation) ** 2 + 2 * np.log(deviation) + np.log(2 * np.pi)
        return np.asarray(-0.5 * terms.sum(-1))

    ratio = log_normal(z, mean, deviation) - log_normal(z, np.zeros_like(z), np.ones_like(z))
    distortion = network.bound(values, noise[0]).distortion.detach().numpy()
    found = network.importance_bound(values, noise).detach().numpy()
    assert found == pytest.approx(distortion + ratio, rel=1e-4)


def test_more_samples_make_the_bound_closer(model: GaussianModel, pixels: Pixels) -> None:
    by_samples = [model.score(pixels, seed=3, samples=k).bits.mean() for k in (1, 8, 64)]
    assert by_samples == sorted(by_samples, reverse=True)


def test_a_set_comes_back_exactly_at_the_price_of_the_bound(
    model: GaussianModel, pixels: Pixels
) -> None:
    many = np.concatenate([pixels] * 10)
    data = model.encode_set(many)
    assert np.array_equal(model.decode_set(data), many)
    bound = model.score(many, samples=1).bits.sum()
    assert 8 * len(data) == pytest.approx(bound, rel=0.03)


def test_damaged_sets_are_refused(model: GaussianModel, pixels: Pixels) -> None:
    data = model.encode_set(pixels)
    flipped = bytearray(data)
    flipped[len(data) // 2] ^= 4
    for wrong in (bytes(flipped), data[:-4], data[:10], b"", b"VQZ" + data[3:], data[:-1]):
        with pytest.raises(InvalidFile):
            model.decode_set(wrong)
    other = bytearray(data)
    other[10] ^= 1
    with pytest.raises(InvalidFile, match="made with the model"):
        model.decode_set(bytes(other))


def test_abilities(model: GaussianModel, pixels: Pixels) -> None:
    for ability in (CompressesSets, Scores, Reconstructs, Samples):
        assert isinstance(model, ability)
    assert model.reconstruct(pixels).shape == pixels.shape
    pictures = model.sample(Draw(count=3, seed=1))
    assert [picture.pixels.shape for picture in pictures] == [(8, 12)] * 3
    assert np.array_equal(pictures[0].pixels, model.sample(Draw(count=1, seed=1))[0].pixels)
    with pytest.raises(PictureError, match="12 x 8 pixels"):
        model.score(pixels[:, :, :8])


def test_samples_have_the_statistics_of_the_likelihood(model: GaussianModel) -> None:
    """The mean of sampled pictures is that of decoded latents from the prior."""
    drawn = np.mean([p.pixels for p in model.sample(Draw(count=3000, seed=5))], 0)
    z = torch.randn(3000, 3, generator=torch.Generator().manual_seed(6))
    mean = (model.network.likelihood(z)[0].detach().clamp(-1, 1).mean(0)[0] + 1) * 127.5
    assert drawn == pytest.approx(mean.numpy(), abs=1.5)


def test_configurations_that_do_not_fit() -> None:
    with pytest.raises(RecipeError, match="multiples of 4"):
        load_likelihood_recipe("gaussian", ["model.width=30"])
    with pytest.raises(RecipeError, match="1 or 3 channels"):
        load_likelihood_recipe("gaussian", ["model.channels=2"])
    with pytest.raises(RecipeError, match=r"model\.kind must be one of"):
        load_likelihood_recipe("gaussian", ["model.kind='normal'"])


def test_damaged_weights(network: GaussianVae, tmp_path: Path) -> None:
    tensors = tensors_of(network)
    name = next(iter(tensors))
    write_stored(tmp_path, CONFIG, tensors | {name: tensors[name][:1]})
    with pytest.raises(ModelError, match="must have shape"):
        load_model(tmp_path)


def test_training_by_the_command(tmp_path: Path, pixels: Pixels) -> None:
    from PIL import Image

    (tmp_path / "set").mkdir()
    for number, one in enumerate(pixels):
        Image.fromarray(one[:, :, 0]).save(tmp_path / "set" / f"{number}.png")
    settings = ["model.height=8", "model.width=12", "model.latent=3", "model.hidden=8"]
    settings += ["training.steps=60", "training.batch=8", "checkpoint_steps=30"]
    changes = [word for setting in settings for word in ("--set", setting)]
    out = tmp_path / "run"
    arguments = ["train", "gaussian", "--data", str(tmp_path / "set"), "--out", str(out)]
    assert run([*arguments, *changes]) == 0
    losses = [json.loads(line)["loss"] for line in (out / "metrics.jsonl").read_text().splitlines()]
    assert losses[-1] < losses[0]
    model = load_model(out)
    assert isinstance(model, GaussianModel)
    # A resumed run that is done writes the same model.
    before = (out / "model" / "weights.safetensors").read_bytes()
    assert run([*arguments, "--resume"]) == 0
    assert (out / "model" / "weights.safetensors").read_bytes() == before
