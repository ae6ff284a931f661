"""Products are counted as a loop over the layers would."""

from __future__ import annotations

import pytest
import torch

from tests.training.tiny_recipes import tiny_recipe
from tools.bench.products import decoder_products, prior_products
from vqzip.autoencoders.discrete import Vqvae
from vqzip.prior.float.pixelcnn import PixelCnn


def test_products_of_a_tiny_model(tmp_path_factory: pytest.TempPathFactory) -> None:
    recipe = tiny_recipe(tmp_path_factory.mktemp("recipe"), "predicted")
    vqvae = Vqvae(recipe.vqvae)
    vqvae.initialize(torch.Generator().manual_seed(0))
    # After the wavelet on blocks of 16 pixels: 48 to 8, a block of 3 x 3 to 4 and 1 x 1 to 8, 8 to 48.
    after = (9 * 48 * 8 + 9 * 8 * 4 + 4 * 8 + 9 * 8 * 48) / 16
    # The predictor of stride 2 on blocks of 2 x 2 positions: 12 to 6, a block through 3, 6 to 36.
    predictor = (9 * 12 * 6 + 9 * 6 * 3 + 3 * 6 + 9 * 6 * 36) / 16
    # What the step modulates is a matrix of 2 rows, once a picture.
    modulation = (2 * 2 * 4 + 2 * 2 * 3) / 256**2
    assert decoder_products(vqvae) == pytest.approx(after + predictor + modulation)
    prior = PixelCnn(recipe.vqvae, recipe.prior)
    expected = sum(
        sum(p.numel() for name, p in level.named_parameters() if name.endswith("weight"))
        / config.stride**2
        for level, config in zip(prior.levels, recipe.vqvae.levels, strict=True)
    )
    assert prior_products(prior) == pytest.approx(expected)
