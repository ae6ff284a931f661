"""Recipes: every shipped one builds its networks, every fault is one sentence."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest
import torch

from tests.training.tiny_recipes import KINDS, tiny_recipe, write_recipe
from vqzip.autoencoders.discrete import Vqvae
from vqzip.errors import RecipeError
from vqzip.prior.float.pixelcnn import PixelCnn
from vqzip.training.recipe.phases import PriorPhaseConfig
from vqzip.training.recipe.read import load_recipe, recipe_names, recipe_to_toml
from vqzip.training.run import needed_phases


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
        "phases.prior.learning_rate=1e-4",
        "phases.prior.deadzone=[0.1, 0.2]",
        "name='other'",
        "description=plain words",
        "data.margin = 4",
        "prior.levels.1.hidden=6",
    )
    (phase,) = recipe.phases
    assert isinstance(phase, PriorPhaseConfig)
    assert (recipe.seed, phase.learning_rate, phase.deadzone) == (7, 1e-4, (0.1, 0.2))
    assert (recipe.name, recipe.description) == ("other", "plain words")
    assert recipe.data.margin == 4
    assert [level.hidden for level in recipe.prior.levels] == [4, 6, 4]


@pytest.mark.parametrize(
    ("kind", "setting", "words"),
    [
        ("wavelet", "phases.prior.stepz=3", "no key 'stepz'"),
        ("wavelet", "nothing.at.all=3", "no key 'nothing'"),
        ("wavelet", "seed", "key=value"),
        ("wavelet", "seed.low=1", "not a table"),
        ("wavelet", "prior.levels.3.hidden=6", "'3' is not an entry from 0 to 2"),
        ("wavelet", "prior.levels.-1.hidden=6", "'-1' is not an entry"),
        ("wavelet", "prior.levels.last.hidden=6", "'last' is not an entry"),
        ("wavelet", "seed=-1", "seed must be"),
        ("wavelet", "seed=true", "must be int"),
        ("wavelet", "phases.prior.steps=0", "at least 1"),
        ("wavelet", "phases.prior.batch=0", "at least 1"),
        ("wavelet", "phases.prior.learning_rate=nan", "learning_rate"),
        ("wavelet", "phases.prior.smallest_step=200.0", "largest_step must be 200"),
        ("wavelet", "phases.prior.deadzone=[0.4]", "2 entries"),
        ("wavelet", "phases.prior.deadzone=[0.4, 0.3]", "0.4 to 0.5"),
        ("wavelet", "data.margin=3", "multiple of 2"),
        ("joint", "phases.joint.rate_weight=0", "at least 1e-09"),
        ("joint", "phases.joint.distortion='l1'", "'mse', 'ms-ssim'"),
        ("joint", "phases.joint.smallest_step=300.0", "largest_step must be 300"),
        ("joint", "phases.decoder.learn=[]", "names no part"),
        ("joint", "phases.decoder.learn=['prior']", "'gains', 'predictors', 'after'"),
        ("wavelet", "data.smallest_scale=0", "smallest_scale"),
        ("wavelet", "quality.highest_bpp=0.01", "highest_bpp"),
        ("wavelet", "vqvae.transform.decompositions=3", "strides 8, 8, 4, 2"),
        ("wavelet", "vqvae.transform.kind='fourier'", "conv, wavelet"),
        ("wavelet", "prior.head='both'", "'logistic', 'categorical'"),
        ("wavelet", "prior.head='categorical'", "codebooks a categorical one"),
        ("wavelet", "prior.embedding=3", "embedding of 2"),
        ("wavelet", "prior.levels=[]", "0 levels"),
        ("wavelet", "prior.levels=3", "must be a list"),
        ("wavelet", "vqvae.levels=[]", "levels of the model must be 1"),
        ("codebook", "phases.vqvae.crop=12", "multiple of 8"),
        ("codebook", "phases.vqvae.codebook='sgd'", "'ema', 'kmeans'"),
        ("codebook", "phases.vqvae.decay=1.5", "0 to 1"),
        ("codebook", "checkpoint_minutes=0", "at least 0.01"),
    ],
)
def test_faults_are_named(tmp_path: Path, kind: str, setting: str, words: str) -> None:
    with pytest.raises(RecipeError) as caught:
        tiny_recipe(tmp_path, kind, setting)
    assert words in str(caught.value)
    assert str(caught.value).endswith((".", "'."))


def test_codebooks_must_be_learned(tmp_path: Path) -> None:
    recipe = tiny_recipe(tmp_path, "codebook")
    recipe = dataclasses.replace(recipe, phases=recipe.phases[1:])
    with pytest.raises(RecipeError, match="add a phase of kind 'vqvae'"):
        needed_phases(recipe, prepared=False)
    assert needed_phases(recipe, prepared=True) == list(recipe.phases)


def test_the_sections_of_older_recipes_are_a_list_of_phases(tmp_path: Path) -> None:
    path = write_recipe(tmp_path, "predicted")
    listed = load_recipe(str(path))
    sections = {"prior": "prior", "predictors": "predictor", "joint": "joint"}
    text = path.read_text()
    for kind, section in sections.items():
        text = text.replace(f'[[phases]]\nkind = "{kind}"', f"[{section}_phase]")
    path.write_text(text)
    assert load_recipe(str(path)) == listed
    changed = load_recipe(str(path), ["predictor_phase.batch=7"])
    assert [phase.batch for phase in changed.phases] == [1, 7, 2]
    path.write_text(text + '[[phases]]\nkind = "prior"\n')
    with pytest.raises(RecipeError, match="not both"):
        load_recipe(str(path))


def test_two_phases_of_a_kind_have_numbers(tmp_path: Path) -> None:
    path = write_recipe(tmp_path, "wavelet")
    again = '[[phases]]\nkind = "prior"\nsteps = 4\nbatch = 1\nlearning_rate = 0.01\n'
    path.write_text(path.read_text() + again)
    changed = load_recipe(str(path), ["phases.1.steps=5"])
    assert [phase.steps for phase in changed.phases] == [30, 5]
    with pytest.raises(RecipeError, match="'prior' is not an entry from 0 to 1"):
        load_recipe(str(path), ["phases.prior.steps=5"])


@pytest.mark.parametrize(
    ("kind", "setting", "words"),
    [
        ("codebook", "vqvae.transform.hidden=0", "hidden must be 2"),
        ("codebook", "vqvae.transform.residual_hidden=-3", "residual_hidden must be 1"),
        ("codebook", "vqvae.levels.0.quantizer.size=0", "size must be 1"),
        ("codebook", "vqvae.levels.0.quantizer.dim=-1", "dim must be 1"),
        ("codebook", "prior.embedding=0", "embedding must be 1"),
        ("codebook", "prior.levels.0.hidden=0", "hidden must be 1"),
        ("codebook", "prior.levels.1.stages.0.hidden=-2", "hidden must be 1"),
        ("codebook", "vqvae.levels.0.stride=0", "stride must be 1"),
        ("codebook", "phases.vqvae.codebook_rate=-1", "codebook_rate must be"),
    ],
)
def test_widths_and_sizes_of_zero_are_refused_in_a_sentence(
    tmp_path: Path, kind: str, setting: str, words: str
) -> None:
    with pytest.raises(RecipeError, match=words):
        tiny_recipe(tmp_path, kind, setting)


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
