"""Metrics of outside packages and programs, where they are installed; what is said where they are not."""

from __future__ import annotations

import shutil
from collections.abc import Callable

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from tests.measuring.made_pictures import hills
from vqzip.errors import UsageError
from vqzip.measuring.metrics.butteraugli import BUTTERAUGLI
from vqzip.measuring.metrics.jod import JOD, visible_differences
from vqzip.measuring.metrics.known import METRICS, find_metrics
from vqzip.measuring.metrics.metric import Metric, Pair
from vqzip.measuring.metrics.ssimulacra2 import SSIMULACRA2

SIDE = 256


def noisy(pixels: NDArray[np.uint8], strength: float) -> NDArray[np.uint8]:
    noise = np.random.default_rng(7).normal(0, strength, pixels.shape)
    return np.clip(pixels + noise, 0, 255).astype(np.uint8)


def usable(metric: Metric) -> Metric:
    try:
        metric.check()
    except UsageError as error:
        pytest.skip(str(error))
    return metric


@pytest.mark.slow
@pytest.mark.parametrize("metric", METRICS, ids=lambda metric: metric.name)
@pytest.mark.parametrize("gray", [False, True])
def test_curve_values_fall_with_noise(metric: Metric, gray: bool) -> None:
    usable(metric)
    pixels = hills(SIDE, SIDE)[..., 0] if gray else hills(SIDE, SIDE)
    scores = [metric.score(Pair(pixels, noisy(pixels, strength))) for strength in (4, 12, 36)]
    values = [metric.curve_value(score) for score in scores if score is not None]
    assert len(values) == 3
    assert values == sorted(values, reverse=True)
    assert len(set(values)) == 3


@pytest.mark.slow
@pytest.mark.parametrize(
    ("metric", "best"), [(JOD, 10), (BUTTERAUGLI, 0), (SSIMULACRA2, 100)], ids=lambda x: str(x)[:20]
)
def test_equal_pictures_have_the_best_score(metric: Metric, best: float) -> None:
    usable(metric)
    pixels = hills(SIDE, SIDE)
    assert metric.score(Pair(pixels, pixels)) == pytest.approx(best, abs=1e-3)
    name, version = metric.version()
    assert name
    assert version


@pytest.mark.slow
def test_visible_differences_are_those_of_the_score_and_have_a_gradient() -> None:
    usable(JOD)
    pixels = hills(SIDE, SIDE)
    decoded = noisy(pixels, 12)
    as_batch = [torch.from_numpy(p).permute(2, 0, 1)[None].float() for p in (decoded, pixels)]
    x_hat = as_batch[0].requires_grad_()
    found = visible_differences(x_hat, as_batch[1])
    score = JOD.score(Pair(pixels, decoded))
    assert score is not None
    assert found.tolist() == pytest.approx([10 - score], abs=1e-4)
    (slope,) = torch.autograd.grad(found.sum(), x_hat)
    # A step against the gradient makes the pictures more alike.
    step = 0.5 * slope / slope.abs().max()
    assert visible_differences(x_hat - step, as_batch[1]).item() < found.item()


def test_small_pictures_have_no_score() -> None:
    tiny = hills(4, 4)
    assert BUTTERAUGLI.score(Pair(tiny, tiny)) is None
    assert SSIMULACRA2.score(Pair(tiny, tiny)) is None


@pytest.mark.parametrize(
    ("metric", "package"),
    [(JOD, "pycvvdp"), (SSIMULACRA2, "ssimulacra2")],
    ids=["jod", "ssimulacra2"],
)
def test_missing_packages_are_one_sentence(
    metric: Metric, package: str, without: Callable[[str], None]
) -> None:
    without(package)
    with pytest.raises(UsageError, match=r"pip install vqzip\[looks\]"):
        find_metrics([metric.name])


def test_missing_command_is_one_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shutil, "which", lambda name: None)
    with pytest.raises(UsageError, match="apt-get install libjxl-devtools"):
        find_metrics(["psnr", "butteraugli"])


def test_metrics_are_found_by_name() -> None:
    assert [metric.name for metric in find_metrics(["ms-ssim", "psnr", "psnr"])] == [
        "ms-ssim",
        "psnr",
    ]
    for wrong in (["vmaf"], []):
        with pytest.raises(
            UsageError, match="choose from psnr, ms-ssim, jod, butteraugli, ssimulacra2"
        ):
            find_metrics(wrong)
