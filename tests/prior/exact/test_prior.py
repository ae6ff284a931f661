"""Tensors that do not make a prior are refused."""

import dataclasses

import numpy as np
import pytest

from tools.prior.random_priors import Tensors, codebook_configs, grid_configs, random_tensors
from vqzip.autoencoders.config import VqvaeConfig
from vqzip.errors import ModelError
from vqzip.prior.config import PriorConfig
from vqzip.prior.exact import ExactPrior

VQVAE, PRIOR = grid_configs()
TENSORS = random_tensors(VQVAE, PRIOR)


def refused(tensors: Tensors, match: str, prior: PriorConfig = PRIOR) -> None:
    with pytest.raises(ModelError, match=match):
        ExactPrior.from_tensors(VQVAE, prior, tensors)


def test_tensors_come_back() -> None:
    prior = ExactPrior.from_tensors(VQVAE, PRIOR, TENSORS)
    again = prior.to_tensors()
    assert again.keys() == TENSORS.keys()
    assert all(np.array_equal(again[name], TENSORS[name]) for name in TENSORS)


@pytest.mark.parametrize("name", sorted(TENSORS))
def test_every_tensor_is_needed_and_checked(name: str) -> None:
    refused({key: value for key, value in TENSORS.items() if key != name}, f"lacks.*'{name}'")
    refused({**TENSORS, name: TENSORS[name].astype(np.float32)}, "must be int")
    for misshapen in (TENSORS[name][None], TENSORS[name].reshape(-1)[0].reshape(())):
        with pytest.raises(ModelError):
            ExactPrior.from_tensors(VQVAE, PRIOR, {**TENSORS, name: misshapen})


def test_unknown_tensors_are_refused() -> None:
    refused({**TENSORS, "levels.0.more": np.zeros(1, np.int64)}, "unknown tensor 'levels.0.more'")


def test_sums_that_might_not_be_exact_are_refused() -> None:
    for name in TENSORS:
        if name.endswith(".bias"):
            refused({**TENSORS, name: TENSORS[name] + 2**53}, name.removesuffix(".bias"))


def test_features_beyond_the_bound_are_refused() -> None:
    name = "features.magnitude"
    refused({**TENSORS, name: (TENSORS[name].astype(np.int64) * 3).astype(np.int16)}, "within 2047")
    refused(
        {**TENSORS, name: (TENSORS[name].astype(np.int64) + 1).astype(np.int16)}, "first of them 0"
    )
    vqvae, prior = codebook_configs()
    tensors = random_tensors(vqvae, prior)
    tensors["features.embedding.1"] = np.full_like(tensors["features.embedding.1"], 2048)
    with pytest.raises(ModelError, match="within 2047"):
        ExactPrior.from_tensors(vqvae, prior, tensors)


def with_level(prior: PriorConfig, number: int, **changes: object) -> PriorConfig:
    levels = list(prior.levels)
    levels[number] = dataclasses.replace(levels[number], **changes)  # type: ignore[arg-type]
    return dataclasses.replace(prior, levels=tuple(levels))


def test_configurations_that_do_not_fit_are_refused() -> None:
    refused(TENSORS, "must have", with_level(PRIOR, 0, hidden=9))
    refused(TENSORS, "no running state", with_level(PRIOR, 2, update=PRIOR.levels[0].update))
    refused(TENSORS, "embedding of 2", dataclasses.replace(PRIOR, embedding=3))
    refused(TENSORS, "the VQ-VAE 3", dataclasses.replace(PRIOR, levels=PRIOR.levels[:2]))


def test_codebooks_need_a_categorical_head() -> None:
    vqvae: VqvaeConfig = codebook_configs()[0]
    with pytest.raises(ModelError):
        ExactPrior.from_tensors(vqvae, dataclasses.replace(PRIOR, levels=PRIOR.levels[:2]), TENSORS)
