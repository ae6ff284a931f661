"""The model card."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
from safetensors.torch import load_file

from tests.training.tiny_recipes import tiny_recipe
from vqzip.autoencoders.config import RefinerConfig, WaveletTransformConfig
from vqzip.autoencoders.wavelet.refiner import Refiner
from vqzip.codec.codec import Codec
from vqzip.errors import ModelError
from vqzip.models.folder import load
from vqzip.training.calibrate import CurvePoint
from vqzip.training.model_card import CURVE_HEADER, model_card, with_curve


def test_card_says_what_the_model_is(tmp_path: Path, tiny_model: Path) -> None:
    rows = [
        {"phase": "vqvae", "step": 20, "seconds": 60.0},
        {"phase": "vqvae", "step": 40, "seconds": 120.0},
        {"phase": "prior", "step": 20, "seconds": 180.0},
    ]
    log = "".join(json.dumps(row) + "\n" for row in rows)
    (tmp_path / "metrics.jsonl").write_text(log)
    recipe = tiny_recipe(tmp_path, "wavelet", "description=Waves of all kinds.")
    codec = Codec(load(tiny_model))
    points = [CurvePoint(1.0, 0.1, 27.5, None), CurvePoint(2.0, 0.2, 29.25, 0.91234)]
    card = model_card(recipe, codec, points, 205, tmp_path)
    assert card.startswith("# tiny-wavelet\n\nWaves of all kinds.\n")
    assert codec.model.id.hex() in card
    # No weight of a bare wavelet is learned.
    weights = sum(tensor.numel() for tensor in load_file(tiny_model / "prior.safetensors").values())
    assert f"* Trained for PSNR; 0 weights in the VQ-VAE, {weights:,} in the prior.\n" in card
    assert "vqvae 40 steps in 2 minutes, prior 20 steps in 3 minutes; 205 pictures; seed 3" in card
    assert "| 1 | 0.100 | 27.50 | - |\n| 2 | 0.200 | 29.25 | 0.9123 |\n" in card
    assert "\nLicense: not stated\n" in card


def test_card_of_networks_around_a_wavelet(tmp_path: Path, tiny_model: Path) -> None:
    model = load(tiny_model)
    refined = replace(
        model.config.vqvae, transform=WaveletTransformConfig(3, after=RefinerConfig(4, 1))
    )
    config = replace(model.config, vqvae=refined, metric="ms-ssim")
    codec = Codec(replace(model, config=config))
    card = model_card(tiny_recipe(tmp_path, "wavelet"), codec, [], 1, tmp_path)
    weights = sum(parameter.numel() for parameter in Refiner(RefinerConfig(4, 1)).parameters())
    assert f"* Trained for MS-SSIM; {weights:,} weights in the VQ-VAE" in card


def test_card_without_a_log(tmp_path: Path, tiny_model: Path) -> None:
    card = model_card(tiny_recipe(tmp_path, "wavelet"), Codec(load(tiny_model)), [], 1, tmp_path)
    assert "Training: none; 1 pictures" in card


OLD, NEW = [CurvePoint(1.0, 0.1, 27.5, None)], [CurvePoint(float(q), 0.2, 30, 0.9) for q in (1, 2)]


def test_another_curve_changes_the_rows_of_the_table_alone(
    tmp_path: Path, tiny_model: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # What a run lacks is not in the table.
    monkeypatch.setattr("vqzip.training.model_card.shortcomings", lambda *_: [])
    recipe, codec = tiny_recipe(tmp_path, "wavelet"), Codec(load(tiny_model))
    old, new = (model_card(recipe, codec, points, 9, tmp_path) for points in (OLD, NEW))
    more = "\nBy hand:\n\n| another | table |\n|---|---|\n"
    assert with_curve(old + more, NEW) == new + more
    assert with_curve(new, OLD) == old
    assert with_curve(old.rstrip(), NEW) == new


@pytest.mark.parametrize("card", ["# tiny\n", CURVE_HEADER * 2, CURVE_HEADER.splitlines()[0]])
def test_a_curve_needs_its_table_in_the_card(card: str) -> None:
    with pytest.raises(ModelError, match="one table with the header"):
        with_curve(card, NEW)
