"""The model card."""

from __future__ import annotations

import json
from pathlib import Path

from tests.training.tiny_recipes import tiny_recipe
from vqzip.codec import Codec
from vqzip.model_folder import load
from vqzip.training.calibrate import CurvePoint
from vqzip.training.model_card import model_card


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
    assert "vqvae 40 steps in 2 minutes, prior 20 steps in 3 minutes; 205 pictures; seed 3" in card
    assert "| 1 | 0.100 | 27.50 | - |\n| 2 | 0.200 | 29.25 | 0.9123 |\n" in card
    assert "\nLicence: not stated\n" in card


def test_card_without_a_log(tmp_path: Path, tiny_model: Path) -> None:
    card = model_card(tiny_recipe(tmp_path, "wavelet"), Codec(load(tiny_model)), [], 1, tmp_path)
    assert "Training: none; 1 pictures" in card
