"""Traversals, interpolations, probes and the mutual information gap."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from PIL import Image

from vqzip.cli.app import run
from vqzip.families.family import write_stored
from vqzip.families.gaussian.config import GaussianConfig
from vqzip.families.gaussian.network import GaussianVae
from vqzip.families.loading import tensors_of
from vqzip.measuring.analysis.latents import (
    interpolation,
    mutual_information_gap,
    probe_accuracy,
    traversal,
)
from vqzip.models.abilities import Latents, Pixels


class Corners:
    """Latents are the first two samples of a picture, over 10."""

    name = "corners"

    def latents(self, pixels: Pixels) -> Latents:
        return (pixels[:, 0, :2, 0] / 10).astype(np.float32)

    def informative(self, _pixels: Pixels) -> NDArray[np.float32]:
        return np.array([1, 2], np.float32)

    def pictures_of(self, latents: Latents) -> Pixels:
        return np.rint(10 * latents).astype(np.uint8)[:, None, :, None]


def test_one_latent_at_a_time_changes() -> None:
    picture = np.array([[30, 40]], np.uint8)[None, :, :, None]
    values = np.array([1, 2, 5], np.float32)
    drawn = traversal(Corners(), picture, np.array([1, 0]), values)[:, 0, :, 0]
    assert drawn.tolist() == [[30, 10], [30, 20], [30, 50], [10, 40], [20, 40], [50, 40]]


def test_the_way_between_two_pictures() -> None:
    ends = np.array([[[0, 100]], [[40, 0]]], np.uint8)[..., None]
    drawn = interpolation(Corners(), ends, 5)[:, 0, :, 0]
    assert drawn.tolist() == [[0, 100], [10, 75], [20, 50], [30, 25], [40, 0]]


def test_a_probe_finds_classes_that_are_apart() -> None:
    generator = np.random.default_rng(0)
    labels = generator.integers(0, 3, 600)
    centers = np.array([[4, 0, 0], [0, 4, 0], [0, 0, 4]])
    latents = (centers[labels] + generator.normal(size=(600, 3))).astype(np.float32)
    apart = probe_accuracy(latents[:300], labels[:300], latents[300:], labels[300:])
    assert apart > 0.97
    random = generator.integers(0, 3, 300)
    assert probe_accuracy(latents[:300], random, latents[300:], labels[300:]) < 0.6


def test_the_gap_is_one_for_latents_that_are_factors_and_zero_for_mixtures() -> None:
    generator = np.random.default_rng(1)
    factors = generator.integers(0, 5, (4000, 2))
    noise = generator.normal(size=(4000, 1))
    apart = np.concatenate([factors, noise], 1).astype(np.float32)
    assert mutual_information_gap(apart, factors) > 0.95
    mixed = np.stack([factors.sum(1), factors.sum(1), noise[:, 0]], 1).astype(np.float32)
    assert mutual_information_gap(mixed, factors) == pytest.approx(0)


def test_the_command(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    torch.manual_seed(0)
    config = GaussianConfig("tiny", height=8, width=8, latent=3, hidden=2)
    write_stored(tmp_path / "vae", config, tensors_of(GaussianVae(config)))
    (tmp_path / "set").mkdir()
    for number in range(3):
        Image.new("L", (8, 8), 80 * number).save(tmp_path / "set" / f"{number}.png")
    arguments = ["traverse", "set", "--model", "vae", "--columns", "4"]
    assert run([*arguments, "--rows", "2", "-o", "a.png"]) == 0
    assert "latents and the nats that each holds" in capsys.readouterr().err
    assert run([*arguments, "--to", "2", "-o", "b.png"]) == 0
    with Image.open("a.png") as across, Image.open("b.png") as between:
        assert across.size == (4 * 10 - 2, 2 * 10 - 2)
        assert between.size == (4 * 10 - 2, 8)
    assert run([*arguments, "--to", "3", "-o", "c.png"]) == 2
