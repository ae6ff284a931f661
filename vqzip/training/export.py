"""Export: trained networks to a model folder that encodes and decodes."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence
from pathlib import Path

from vqzip.autoencoders.discrete import Vqvae
from vqzip.codec.codec import Codec
from vqzip.codec.self_test import self_test_picture
from vqzip.files import whole_folder
from vqzip.models import folder as model_folder
from vqzip.models.config import ModelConfig
from vqzip.models.learned import load_vqvae, save
from vqzip.pictures.picture import Picture
from vqzip.prior.export.float_to_integer import export_prior
from vqzip.prior.float.pixelcnn import PixelCnn
from vqzip.training.calibrate import (
    FITTED_QUALITIES,
    curve_json,
    fit_quality,
    measure_curve,
    measured_qualities,
)
from vqzip.training.centroids import set_centroids
from vqzip.training.model_card import model_card
from vqzip.training.recipe.config import Recipe
from vqzip.training.recipe.read import recipe_to_toml
from vqzip.training.runtime_check import check_runtimes

MODEL = Path("model")
FITS = 2
"""The first fit of the qualities extrapolates beyond the measured points; the second interpolates."""


def export(
    recipe: Recipe,
    vqvae: Vqvae,
    prior: PixelCnn,
    out: Path,
    pictures: Sequence[Picture],
    training_pictures: int,
    report: Callable[[int, int], None] = lambda *_: None,
) -> Path:
    """Write the model folder: integers, fitted qualities and centroids, curve, card, self test.

    Args:
        recipe: of the run.
        vqvae: trained, on the CPU.
        prior: trained, on the CPU.
        out: run folder; the model folder in it is written atomically.
        pictures: from `validation_pictures`.
        training_pictures: number of them, for the card.
        report: called with the number of encoded pictures, and of all that will be encoded.

    Returns:
        `out/model`.
    """
    qualities = len(measured_qualities(recipe.model))
    fitted = FITS * len(FITTED_QUALITIES) if recipe.model.has_qualities else 0
    count = Count((qualities + fitted) * len(pictures), report)
    # A model that is there is replaced in one step, when the new one is complete.
    with whole_folder(out / MODEL) as folder:
        _fill(folder, recipe, vqvae, prior, out, pictures, training_pictures, count)
    return out / MODEL


class Count:
    """Counts encoded pictures.

    Args:
        total: that will be encoded.
        report: called with the numbers of encoded and of all pictures.
    """

    def __init__(self, total: int, report: Callable[[int, int], None]) -> None:
        self._total, self._report, self._done = total, report, 0
        report(0, total)

    def __call__(self) -> None:
        """Count one more."""
        self._done += 1
        self._report(self._done, self._total)


def _fill(
    folder: Path,
    recipe: Recipe,
    vqvae: Vqvae,
    prior: PixelCnn,
    out: Path,
    pictures: Sequence[Picture],
    training_pictures: int,
    count: Count,
) -> None:
    """Write the files of `export` into a temporary folder."""
    vqvae.eval()
    config = recipe.model
    codec = _save_and_load(folder, config, vqvae, prior)
    if recipe.vqvae.quality is not None:
        for _ in range(FITS):
            vqvae = load_vqvae(folder)
            quality, shifts = fit_quality(codec, vqvae, pictures, recipe.quality, count)
            fitted = dataclasses.replace(recipe.vqvae, quality=quality)
            config = dataclasses.replace(config, vqvae=fitted)
            set_centroids(vqvae, shifts)
            codec = _save_and_load(folder, config, vqvae, prior)
    points = measure_curve(codec, pictures, count)
    (folder / model_folder.CURVE).write_text(curve_json(points), encoding="utf-8")
    self_test = codec.encode_picture(self_test_picture()).data
    (folder / model_folder.SELF_TEST).write_bytes(self_test)
    (folder / model_folder.RECIPE).write_text(recipe_to_toml(recipe), encoding="utf-8")
    card = model_card(recipe, codec, points, training_pictures, out)
    (folder / model_folder.CARD).write_text(card, encoding="utf-8")


def _save_and_load(folder: Path, config: ModelConfig, vqvae: Vqvae, prior: PixelCnn) -> Codec:
    """Save a model and load it again, so that the written model is measured."""
    exact = export_prior(prior, config.vqvae)
    save(folder, config, vqvae, exact, prior.state_dict())
    codec = Codec(model_folder.load(folder))
    check_runtimes(load_vqvae(folder), codec.model.autoencoder)
    return codec
