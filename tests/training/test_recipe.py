"""Recipes: every shipped one builds its networks, every fault is one sentence."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from tests.training.tiny_recipes import KINDS, tiny_recipe, write_recipe
from vqzip.autoencoders.discrete import Vqvae
from vqzip.errors import RecipeError
from vqzip.prior.float.pixelcnn import PixelCnn
from vqzip.training.recipe import load_recipe, recipe_names, recipe_to_toml


@pytest.mark.parametrize("name", recipe_names())
def test_every_recipe_builds_its_networks(name: str) -> None:
    recipe = load_recipe(name)
    with torch.device("meta"):
        vqvae = Vqvae(recipe.vqvae)
    prior = PixelCnn(recipe.vqvae, recipe.prior)
    assert len(vqvae.quantizers) == len(prior.levels) == len(recipe.vqvae.levels)
    assert sum(p.numel() for p in prior.parameters()) < 3e6


@pytest.mark.parametrize("name", [*recipe_names(), *KINDS])
def test_toml_holds_all_of_a_recipe(tmp_path: Path, name: str) -> None:
    recipe = tiny_recipe(tmp_path, name) if name in KINDS else load_recipe(name)
    path = tmp_path / "again.toml"
    path.write_text(recipe_to_toml(recipe))
    assert load_recipe(str(path)) == recipe


def test_settings_are_toml(tmp_path: Path) -> None:
    recipe = tiny_recipe(
        tmp_path,
        "wavelet",
        "seed=7",
        "prior_phase.learning_rate=1e-4",
        "prior_phase.deadzone=[0.1, 0.2]",
        "name='other'",
        "description=plain words",
        "data.margin = 4",
        "prior.levels.1.hidden=6",
    )
    assert (recipe.seed, recipe.prior_phase.learning_rate) == (7, 1e-4)
    assert recipe.prior_phase.deadzone == (0.1, 0.2)
    assert (recipe.name, recipe.description) == ("other", "plain words")
    assert recipe.data.margin == 4
    assert [level.hidden for level in recipe.prior.levels] == [4, 6, 4]


@pytest.mark.parametrize(
    ("kind", "setting", "words"),
    [
        ("wavelet", "prior_phase.stepz=3", "no key 'stepz'"),
        ("wavelet", "nothing.at.all=3", "no key 'nothing'"),
        ("wavelet", "seed", "key=value"),
        ("wavelet", "seed.low=1", "not a table"),
        ("wavelet", "prior.levels.3.hidden=6", "'3' is not an entry from 0 to 2"),
        ("wavelet", "prior.levels.-1.hidden=6", "'-1' is not an entry"),
        ("wavelet", "prior.levels.last.hidden=6", "'last' is not an entry"),
        ("wavelet", "seed=-1", "seed must be"),
        ("wavelet", "seed=true", "must be int"),
        ("wavelet", "prior_phase.steps=0", "at least 1"),
        ("wavelet", "prior_phase.batch=0", "at least 1"),
        ("wavelet", "prior_phase.learning_rate=nan", "learning_rate"),
        ("wavelet", "prior_phase.smallest_step=200.0", "largest_step must be 200"),
        ("wavelet", "prior_phase.deadzone=[0.4]", "2 entries"),
        ("wavelet", "prior_phase.deadzone=[0.4, 0.3]", "0.4 to 0.5"),
        ("wavelet", "data.margin=3", "multiple of 2"),
        ("joint", "joint_phase.rate_weight=0", "at least 1e-09"),
        ("joint", "joint_phase.distortion='l1'", "'mse', 'ms-ssim'"),
        ("joint", "joint_phase.smallest_step=300.0", "largest_step must be 300"),
        ("joint", "decoder_phase.learn=[]", "names no part"),
        ("joint", "decoder_phase.learn=['prior']", "'gains', 'predictors', 'after'"),
        ("wavelet", "data.smallest_scale=0", "smallest_scale"),
        ("wavelet", "quality.highest_bpp=0.01", "highest_bpp"),
        ("wavelet", "vqvae.transform.decompositions=3", "strides 8, 8, 4, 2"),
        ("wavelet", "vqvae.transform.kind='fourier'", "conv, wavelet"),
        ("wavelet", "prior.head='both'", "'logistic', 'categorical'"),
        ("wavelet", "prior.head='categorical'", "grids need a logistic head"),
        ("wavelet", "prior.embedding=3", "embedding of 2"),
        ("wavelet", "prior.levels=[]", "0 levels"),
        ("wavelet", "prior.levels=3", "must be a list"),
        ("wavelet", "vqvae.levels=[]", "at least one level"),
        ("codebook", "vqvae_phase.crop=12", "multiple of 8"),
        ("codebook", "vqvae_phase.codebook='sgd'", "'ema', 'kmeans'"),
        ("codebook", "vqvae_phase.decay=1.5", "0 to 1"),
        ("codebook", "checkpoint_minutes=0", "at least 0.01"),
    ],
)
def test_faults_are_named(tmp_path: Path, kind: str, setting: str, words: str) -> None:
    with pytest.raises(RecipeError) as caught:
        tiny_recipe(tmp_path, kind, setting)
    assert words in str(caught.value)
    assert str(caught.value).endswith((".", "'."))


def test_codebooks_must_be_learned(tmp_path: Path) -> None:
    path = write_recipe(tmp_path, "codebook")
    text = path.read_text()
    start, end = text.index("[vqvae_phase]"), text.index("[prior_phase]")
    path.write_text(text[:start] + text[end:])
    with pytest.raises(RecipeError, match=r"add \[vqvae_phase\]"):
        load_recipe(str(path))


def test_a_missing_key_is_named(tmp_path: Path) -> None:
    path = write_recipe(tmp_path, "wavelet")
    path.write_text(path.read_text().replace('name = "tiny-wavelet"', ""))
    with pytest.raises(RecipeError, match="lacks the key 'name'"):
        load_recipe(str(path))


def test_what_is_no_recipe(tmp_path: Path) -> None:
    with pytest.raises(RecipeError, match="photo, photo-psnr, photo-ssim, vqvae"):
        load_recipe("nobody")
    broken = tmp_path / "broken.toml"
    broken.write_bytes(b"\xff = 3")
    with pytest.raises(RecipeError, match="not valid TOML"):
        load_recipe(str(broken))
