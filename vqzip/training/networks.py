"""The networks of a run at its start: random weights, or those of a model."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch

from vqzip.autoencoders.discrete import Vqvae
from vqzip.models import folder as model_folder
from vqzip.models.learned import load_float_prior, load_vqvae
from vqzip.prior.float.pixelcnn import PixelCnn
from vqzip.training.recipe.config import Recipe


def make_networks(recipe: Recipe) -> tuple[Vqvae, PixelCnn]:
    """Build both networks with random weights from the recipe's seed."""
    vqvae_seed, prior_seed = np.random.SeedSequence(recipe.seed).generate_state(2).tolist()
    vqvae = Vqvae(recipe.vqvae)
    vqvae.initialize(torch.Generator().manual_seed(vqvae_seed))
    generator = torch.Generator().manual_seed(prior_seed)
    return vqvae, PixelCnn(recipe.vqvae, recipe.prior, generator)


def start_from(folder: Path, vqvae: Vqvae, prior: PixelCnn) -> None:
    """Load the weights of a model into networks, wherever names and shapes are the same.

    Args:
        folder: of a model.
        vqvae: changed in place.
        prior: changed in place.

    Raises:
        ModelError: there is no such model, or it is damaged.
    """
    model = model_folder.load(folder)
    weights = load_float_prior(model).state_dict()
    learned = load_vqvae(model.path).state_dict()
    for module, known in ((vqvae, learned), (prior, weights)):
        own = module.state_dict()
        fitting = {n: t for n, t in known.items() if n in own and own[n].shape == t.shape}
        # A network is loaded as a whole or not at all: its layers do not fit other layers.
        strange = {_network(n) for n in own if n not in fitting} - {None}
        fitting = {n: t for n, t in fitting.items() if _network(n) not in strange}
        module.load_state_dict({**own, **fitting})


def _network(name: str) -> str | None:
    """Return the network around the wavelet that a tensor belongs to, or None."""
    parts = name.split(".")
    return parts[1] if parts[:1] == ["transform"] and len(parts) > 2 else None
