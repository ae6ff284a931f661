"""Faults of training that were seen once, each with the test that is named for it."""

from __future__ import annotations

from pathlib import Path

import torch

from tests.training.tiny_recipes import made_phase, tiny_recipe, write_pictures
from vqzip.cli.training_display import COLUMNS, line
from vqzip.measuring.report import training_curve
from vqzip.training.phases.vqvae import VqvaePhase
from vqzip.training.progress import Progress


def test_adam_forgets_codewords_that_were_revived(tmp_path: Path) -> None:
    """Codebooks of the k-means gradient kept Adam's moments of the codeword before."""
    recipe = tiny_recipe(tmp_path, "codebook", "phases.vqvae.codebook='kmeans'")
    phase = made_phase(recipe, write_pictures(tmp_path / "pictures"), "vqvae")
    assert isinstance(phase, VqvaePhase)
    books = phase.vqvae.quantizers[0].codewords()
    moments = {name: torch.ones_like(books) for name in ("exp_avg", "exp_avg_sq")}
    phase.optimizer.state[books] = {"step": torch.tensor(3.0), **moments}
    fresh = torch.zeros(books.shape[:3], dtype=torch.bool)
    fresh[0, 0, 2] = True
    phase.learning.learners[0].fresh = fresh
    phase.learning.forget(phase.vqvae, phase.optimizer)
    for name in moments:
        moment = phase.optimizer.state[books][name]
        assert not moment[0, 0, 2].any()
        assert bool(moment[0, 0, [0, 1, 3]].all())


def test_loss_and_distortion_have_axes_of_their_own() -> None:
    """A loss of -1 and a distortion of 200 were on one axis of curve.png."""
    names = {"loss": 0, "log_error": 0, "distortion": 0}
    panels = [training_curve._matching(names, words) for _, words in training_curve._PANELS]
    assert ["loss"] in panels
    assert ["distortion"] in panels


def test_a_line_of_many_figures_fits_80_columns() -> None:
    """Lines of phases with several figures could not be read from 80 to 200 columns."""
    metrics = {f"level{n}_bits_per_code": 1234.5678 for n in range(9)} | {"loss": -1.0, "bpp": 3.0}
    progress = Progress("predictors", 0.43, 1234567, 0.01, 36_000.0, metrics, ("loss", "bpp"))
    for bar in (True, False):
        text = line(progress, bar=bar)
        assert len(text) <= COLUMNS
        assert text.endswith("10:00:00 left  loss -1  bpp 3")
