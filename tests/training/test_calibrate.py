"""What the last phase measures and fits: pictures to judge by, steps of the qualities, centroids."""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from tests.training.tiny_recipes import made_pixels
from vqzip.autoencoders.config import GainsConfig, RefinerConfig, WaveletTransformConfig
from vqzip.autoencoders.discrete import Vqvae
from vqzip.autoencoders.quantizers.grid import GridQuantizer
from vqzip.codec.codec import Codec
from vqzip.errors import TrainingError, UsageError
from vqzip.models.folder import load
from vqzip.models.learned import load_vqvae, with_vqvae
from vqzip.pictures.picture import Picture
from vqzip.quality import Quality, QualityConfig
from vqzip.training import calibrate
from vqzip.training.calibrate import (
    LARGEST_SIDE,
    curve_rows,
    fit_quality,
    measure,
    quality_scale,
    validation_pictures,
)
from vqzip.training.centroids import PRIOR_SHIFT, CentroidFit, own_shifts, set_centroids
from vqzip.training.data.pictures import PictureFiles
from vqzip.training.recipe.config import QualityTargets

TARGETS = QualityTargets(0.1, 1.0)
PROVISIONAL = QualityConfig(100.0, 1.4)


def save(folder: Path, sizes: list[tuple[int, int]]) -> list[Path]:
    paths = []
    for number, size in enumerate(sizes):
        path = folder / f"v{number:02}.png"
        Image.fromarray(made_pixels(number, *size)).save(path)
        paths.append(path)
    return paths


@pytest.fixture
def codec(tiny_model: Path) -> Codec:
    return Codec(load(tiny_model))


def test_pictures_are_cut_in_the_middle_to_whole_cells(tmp_path: Path) -> None:
    paths = save(tmp_path, [(50, 70), (800, 33)])
    first, second = validation_pictures(PictureFiles(paths), 16, 12)
    assert first.pixels.shape == (48, 64, 3)
    assert second.pixels.shape == (LARGEST_SIDE, 32, 3)
    assert np.array_equal(first.pixels, made_pixels(0, 50, 70)[1:49, 3:67])


def test_pictures_are_spread_and_bad_ones_replaced(tmp_path: Path) -> None:
    paths = save(tmp_path, [(32, 32)] * 9)
    chosen = validation_pictures(PictureFiles(paths), 16, 3)
    for picture, number in zip(chosen, (0, 4, 8), strict=True):
        assert np.array_equal(picture.pixels, made_pixels(number, 32, 32))
    paths[4].write_bytes(b"no picture")
    replaced = validation_pictures(PictureFiles(paths), 16, 3)
    assert np.array_equal(replaced[2].pixels, made_pixels(1, 32, 32))


def test_no_picture_will_do(tmp_path: Path) -> None:
    paths = save(tmp_path, [(32, 90)])
    paths[0].write_bytes(b"no picture")
    with pytest.raises(TrainingError, match="give a folder of other pictures with `valid`"):
        validation_pictures(PictureFiles(paths), 64, 12)


def test_a_picture_smaller_than_a_cell_is_taken_whole(tmp_path: Path) -> None:
    (picture,) = validation_pictures(PictureFiles(save(tmp_path, [(28, 90)])), 32, 12)
    assert picture.pixels.shape == (28, 64, 3)


def test_a_straight_line_is_met() -> None:
    steps = np.geomspace(100, 10, 5)
    rates = 10 / steps  # on logarithmic axes a line
    quality = quality_scale(np.log(rates).tolist(), np.log(steps).tolist(), TARGETS, PROVISIONAL)
    assert quality.step(Quality(0)) == pytest.approx(100, rel=1e-3)
    assert quality.step(Quality(56)) == pytest.approx(10, rel=1e-3)


def fitted(quality_of_rate: Callable[[float], float]) -> QualityConfig:
    """Return the scale fitted to a made curve: the log step at a log rate."""
    log_rates = np.linspace(math.log(0.07), math.log(1.2), 5).tolist()
    log_steps = [quality_of_rate(rate) for rate in log_rates]
    return quality_scale(log_rates, log_steps, TARGETS, PROVISIONAL)


@pytest.mark.parametrize("curvature", [-0.07, 0.0, 0.05])
def test_sizes_grow_by_one_factor_whatever_the_curvature(curvature: float) -> None:
    def log_step(log_rate: float) -> float:
        return 2.3 - 0.9 * log_rate + curvature * log_rate**2

    quality = fitted(log_step)
    log_rates = np.linspace(-4, 1, 100_001)
    log_steps = log_step(log_rates)  # type: ignore[arg-type]
    found = [
        float(np.interp(-math.log(quality.step(Quality(8 * number))), -log_steps, log_rates))
        for number in range(8)
    ]
    assert found[0] == pytest.approx(math.log(0.1), abs=1e-3)
    assert np.exp(np.diff(found)) == pytest.approx(10 ** (1 / 7), rel=0.01)
    assert (abs(quality.bend) < 1e-4) == (curvature == 0)


PHOTO = QualityConfig(193.345, 1.34444)
PHOTO_BPP = (0.0808, 0.1252, 0.1898, 0.28, 0.4019, 0.5595, 0.7548, 0.9922)
"""Scale and curve of the shipped model `photo`, before scales had a bend."""


def test_the_curve_of_photo_comes_out_nearly_even() -> None:
    """Its whole qualities multiplied the size by 1.55 at the bottom and 1.31 at the top."""
    log_rates = np.log(PHOTO_BPP)
    log_steps = np.log([PHOTO.step(Quality(8 * number)) for number in range(8)])
    targets = QualityTargets(0.0808, 0.9922)
    quality = quality_scale(log_rates.tolist(), log_steps.tolist(), targets, PHOTO)
    assert quality.bend < 0
    rate_of_step = np.polynomial.Polynomial.fit(log_steps, log_rates, 4)
    found = rate_of_step(np.log([quality.step(Quality(8 * number)) for number in range(8)]))
    assert np.exp(np.diff(found)) == pytest.approx((0.9922 / 0.0808) ** (1 / 7), rel=0.03)


@pytest.mark.parametrize("curvature", [-0.3, 0.3, -2000.0, 2000.0])
def test_steps_that_would_rise_between_the_ends_are_straight(curvature: float) -> None:
    """A parabola whose vertex lies between the targets; its ends alone look well."""

    def log_step(log_rate: float) -> float:
        return 3.0 - 0.4 * log_rate + curvature * log_rate * (log_rate - math.log(0.1))

    quality = fitted(log_step)
    assert quality.bend == 0
    assert quality.falls
    assert math.log(quality.step(Quality(0))) == pytest.approx(log_step(math.log(0.1)), abs=1e-3)
    assert math.log(quality.step(Quality(56))) == pytest.approx(log_step(0.0), abs=1e-3)


def test_a_curve_that_bends_back_does_not_rule() -> None:
    log_steps = np.log(np.geomspace(100, 10, 5))
    log_rates = [-1.0, -0.9, -0.7, -0.4, 0.0]
    quality = quality_scale(log_rates, log_steps.tolist(), TARGETS, PROVISIONAL)
    assert quality.ratio > 1
    assert quality.step(Quality(0)) < 1000
    assert quality.step(Quality(56)) > 1


def test_rates_that_say_nothing_leave_the_scale() -> None:
    log_steps = np.log(np.geomspace(100, 10, 5))
    log_rates = [1.0, 1.001, 0.999, 1.0, 1.002]
    assert quality_scale(log_rates, log_steps.tolist(), TARGETS, PROVISIONAL) == PROVISIONAL


def test_centroids_are_means_of_latents(codec: Codec) -> None:
    picture = Picture(made_pixels(3, 64, 64))
    encoded = codec.encode_picture(picture, quality=6.0)
    vqvae = load_vqvae(codec.model.path)
    fit = CentroidFit(vqvae)
    assert all(np.allclose(s.numpy(), PRIOR_SHIFT) for s in fit.shifts())
    for _ in range(50):  # enough to outweigh the start
        fit.add(picture, encoded.codes)
    shifts = fit.shifts()
    assert [tuple(s.shape) for s in shifts] == [(3, 3), (9, 3), (9, 3), (9, 3)]
    assert all(float(s.abs().max()) < 0.6 for s in shifts)
    before = codec.decode_picture(encoded.data).pixels.astype(np.float64)
    set_centroids(vqvae, shifts)
    for quantizer, shift in zip(vqvae.quantizers, shifts, strict=True):
        assert isinstance(quantizer, GridQuantizer)
        assert np.array_equal(quantizer.centroid_shift.numpy(), shift.numpy())
    fitted = with_vqvae(codec.model, vqvae)
    after = Codec(fitted).decode_picture(encoded.data).pixels.astype(np.float64)
    original = picture.pixels.astype(np.float64)
    assert np.mean((after - original) ** 2) < np.mean((before - original) ** 2)


def with_networks(codec: Codec, transform: WaveletTransformConfig) -> Vqvae:
    """Return a VQ-VAE of the codec's levels, its wavelet with networks that do nothing yet."""
    config = replace(codec.model.config.vqvae, transform=transform)
    vqvae = Vqvae(config).eval().requires_grad_(requires_grad=False)
    vqvae.initialize(torch.Generator().manual_seed(0))
    return vqvae


@pytest.mark.parametrize(
    ("transform", "refits"),
    [
        (WaveletTransformConfig(3), True),
        (WaveletTransformConfig(3, gains=GainsConfig()), True),
        (WaveletTransformConfig(3, after=RefinerConfig(4, 1)), False),
        (WaveletTransformConfig(3, gains=GainsConfig(width=4)), False),
    ],
    ids=["bare", "gains of a subband", "network after", "gains by coarser codes"],
)
def test_centroids_that_networks_were_trained_with_stay(
    codec: Codec, transform: WaveletTransformConfig, *, refits: bool
) -> None:
    vqvae = with_networks(codec, transform)
    for number, quantizer in enumerate(vqvae.quantizers):
        assert isinstance(quantizer, GridQuantizer)
        quantizer.centroid_shift.fill_(0.01 * number)
    before = own_shifts(vqvae)
    learned = Codec(with_vqvae(codec.model, vqvae))
    _, shifts = fit_quality(learned, vqvae, [Picture(made_pixels(3, 64, 64))], TARGETS)
    same = [torch.equal(old, new) for old, new in zip(before, shifts, strict=True)]
    assert any(same) is not refits
    assert all(same) is not refits


def test_a_point_of_the_curve_is_a_mean_of_files(codec: Codec) -> None:
    pictures = [Picture(made_pixels(n, 32, 48)) for n in range(2)]
    pictures.append(Picture(made_pixels(5, 32, 32)[:, :, 0].copy()))
    point = measure(codec, pictures, 3.0)
    rates = [
        8 * len(codec.encode_picture(p, quality=3.0).data) / (p.width * p.height) for p in pictures
    ]
    assert point.rate_bpp == pytest.approx(np.mean(rates), abs=1e-4)
    assert 10 < point.psnr_db < 60
    assert point.ms_ssim is None, "too small for five scales"
    (row,) = curve_rows([point])
    assert set(row) == {"quality", "rate_bpp", "psnr_db", "ms_ssim"}


def test_exact_pictures_leave_valid_json(codec: Codec) -> None:
    middle_gray = Picture(np.full((32, 32, 3), 128, np.uint8))  # codes of zero are just that
    point = measure(codec, [middle_gray, Picture(made_pixels(1, 32, 32))], 3.0)
    assert point.psnr_db == math.inf
    (row,) = curve_rows([point])
    assert row["psnr_db"] is None
    assert json.loads(json.dumps([row], allow_nan=False)) == [row]


def test_ms_ssim_may_lack_its_package(codec: Codec, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(original: object, decoded: object) -> float:
        raise UsageError("pytorch-msssim is not installed")

    monkeypatch.setattr(calibrate, "ms_ssim", refuse)
    point = measure(codec, [Picture(made_pixels(1, 32, 32))], 3.0)
    assert point.ms_ssim is None
    assert math.isfinite(point.psnr_db)
