import math
from collections.abc import Callable

import numpy as np
import pytest
import torch

from tests.measuring.made_pictures import hills
from vqzip import metrics
from vqzip.errors import PictureError, UsageError


def test_mse_and_psnr_by_hand() -> None:
    original = np.zeros((2, 2, 3), np.uint8)
    decoded = original.copy()
    decoded[0, 0, 0] = 51  # one of twelve samples is off by a fifth
    assert metrics.mse(original, decoded) == pytest.approx(0.04 / 12)
    assert metrics.psnr_db(0.04 / 12) == pytest.approx(10 * math.log10(300))


def test_mse_agrees_with_numpy_on_noise() -> None:
    rng = np.random.default_rng(1)
    first, second = rng.integers(0, 256, (2, 33, 47, 3), dtype=np.uint8)
    expected = np.mean((first / 255 - second / 255) ** 2)
    assert metrics.mse(first, second) == pytest.approx(expected, rel=1e-12)


def test_equal_pictures_have_infinite_psnr_and_full_similarity() -> None:
    assert metrics.mse(hills(), hills()) == 0
    assert metrics.psnr_db(0) == math.inf
    assert metrics.ms_ssim(hills(), hills()) == pytest.approx(1, abs=1e-6)


def test_gray_counts_like_its_rgb_twin() -> None:
    gray, other = hills()[..., 0], hills(seed=1)[..., 0]
    twins = [np.repeat(p[..., None], 3, 2) for p in (gray, other)]
    alone = metrics.mse(gray, other)
    assert alone == metrics.mse(twins[0], twins[1]) == metrics.mse(gray, twins[1])
    assert metrics.ms_ssim(gray, other) == pytest.approx(
        metrics.ms_ssim(twins[0], twins[1]), abs=1e-6
    )


def test_ms_ssim_falls_with_noise() -> None:
    rng = np.random.default_rng(2)
    noise = rng.normal(0, 1, hills().shape)
    values = [
        metrics.ms_ssim(hills(), np.clip(hills() + s * noise, 0, 255).astype(np.uint8))
        for s in (4, 16, 64)
    ]
    assert None not in values
    assert values == sorted(values, key=lambda v: -(v or 0))


def test_small_pictures_have_no_ms_ssim() -> None:
    side = metrics.MS_SSIM_SMALLEST_SIDE
    assert metrics.ms_ssim(hills(side - 1, 200), hills(side - 1, 200)) is None
    assert metrics.ms_ssim(hills(side, 200), hills(side, 200)) is not None


def test_rates() -> None:
    assert metrics.rate_bpp(100, 400) == 2
    assert metrics.bits_per_dim(100, 400, 3) == pytest.approx(2 / 3)


def test_sizes_must_agree() -> None:
    with pytest.raises(PictureError, match="176 x 168 and 8 x 4"):
        metrics.mse(hills(), hills(4, 8))


def test_missing_package_is_one_sentence(without: Callable[[str], None]) -> None:
    without("pytorch_msssim")
    with pytest.raises(
        UsageError, match=r"MS-SSIM needs pytorch-msssim: pip install vqzip\[report"
    ):
        metrics.ms_ssim(hills(), hills())


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU")
def test_missing_device_is_one_sentence() -> None:
    with pytest.raises(UsageError, match="no device 'cuda'"):
        metrics.mse(hills(), hills(), "cuda")


@pytest.mark.gpu
def test_gpu_agrees() -> None:
    pair = hills(), hills(seed=1)
    assert metrics.mse(*pair, "cuda") == metrics.mse(*pair)
    assert metrics.ms_ssim(*pair, "cuda") == pytest.approx(metrics.ms_ssim(*pair), abs=1e-5)
