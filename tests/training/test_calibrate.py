"""What the last phase measures and fits: pictures to judge by, steps of the qualities, centroids."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tests.training.tiny_recipes import made_pixels
from vqzip.codec import Codec
from vqzip.configs import QualityConfig
from vqzip.errors import TrainingError, UsageError
from vqzip.model_folder import load
from vqzip.nets.quantizer import GridQuantizer
from vqzip.pictures.picture import Picture
from vqzip.training import calibrate
from vqzip.training.calibrate import (
    LARGEST_SIDE,
    PRIOR_SHIFT,
    CentroidFit,
    curve_rows,
    measure,
    quality_scale,
    set_centroids,
    validation_pictures,
)
from vqzip.training.recipe import QualityTargets

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
    first, second = validation_pictures(paths, 16, 12)
    assert first.pixels.shape == (48, 64, 3)
    assert second.pixels.shape == (LARGEST_SIDE, 32, 3)
    assert np.array_equal(first.pixels, made_pixels(0, 50, 70)[1:49, 3:67])


def test_pictures_are_spread_and_bad_ones_replaced(tmp_path: Path) -> None:
    paths = save(tmp_path, [(32, 32)] * 9)
    chosen = validation_pictures(paths, 16, 3)
    for picture, number in zip(chosen, (0, 4, 8), strict=True):
        assert np.array_equal(picture.pixels, made_pixels(number, 32, 32))
    paths[4].write_bytes(b"no picture")
    replaced = validation_pictures(paths, 16, 3)
    assert np.array_equal(replaced[2].pixels, made_pixels(1, 32, 32))


def test_no_picture_will_do(tmp_path: Path) -> None:
    with pytest.raises(TrainingError, match="64 pixels; give a folder of some with --valid"):
        validation_pictures(save(tmp_path, [(32, 90), (90, 32)]), 64, 12)


def test_a_straight_line_is_met() -> None:
    steps = np.geomspace(100, 10, 5)
    rates = 10 / steps  # on logarithmic axes a line
    quality = quality_scale(np.log(rates).tolist(), np.log(steps).tolist(), TARGETS, PROVISIONAL)
    assert quality.step(0) == pytest.approx(100, rel=1e-3)
    assert quality.step(56) == pytest.approx(10, rel=1e-3)


def test_a_curve_that_bends_back_does_not_rule() -> None:
    log_steps = np.log(np.geomspace(100, 10, 5))
    log_rates = [-1.0, -0.9, -0.7, -0.4, 0.0]
    quality = quality_scale(log_rates, log_steps.tolist(), TARGETS, PROVISIONAL)
    assert quality.ratio > 1
    assert quality.step(0) < 1000
    assert quality.step(56) > 1


def test_rates_that_say_nothing_leave_the_scale() -> None:
    log_steps = np.log(np.geomspace(100, 10, 5))
    log_rates = [1.0, 1.001, 0.999, 1.0, 1.002]
    assert quality_scale(log_rates, log_steps.tolist(), TARGETS, PROVISIONAL) == PROVISIONAL


def test_centroids_are_means_of_latents(codec: Codec) -> None:
    picture = Picture(made_pixels(3, 64, 64))
    encoded = codec.encode_picture(picture, quality=6.0)
    fit = CentroidFit(codec)
    assert all(np.allclose(s.numpy(), PRIOR_SHIFT) for s in fit.shifts())
    for _ in range(50):  # enough to outweigh the start
        fit.add(picture, encoded)
    shifts = fit.shifts()
    assert [tuple(s.shape) for s in shifts] == [(3, 3), (9, 3), (9, 3), (9, 3)]
    assert all(float(s.abs().max()) < 0.6 for s in shifts)
    before = codec.decode_picture(encoded.data).pixels.astype(np.float64)
    set_centroids(codec, shifts)
    for quantizer, shift in zip(codec.model.vqvae.quantizers, shifts, strict=True):
        assert isinstance(quantizer, GridQuantizer)
        assert np.array_equal(quantizer.centroid_shift.numpy(), shift.numpy())
    after = codec.decode_picture(encoded.data).pixels.astype(np.float64)
    original = picture.pixels.astype(np.float64)
    assert np.mean((after - original) ** 2) < np.mean((before - original) ** 2)


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


def test_ms_ssim_may_lack_its_package(codec: Codec, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(original: object, decoded: object) -> float:
        raise UsageError("pytorch-msssim is not installed")

    monkeypatch.setattr(calibrate, "ms_ssim", refuse)
    point = measure(codec, [Picture(made_pixels(1, 32, 32))], 3.0)
    assert point.ms_ssim is None
    assert math.isfinite(point.psnr_db)
