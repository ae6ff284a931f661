"""Gains: one at first, larger or smaller by subband and by what surrounds a position, bounded."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from vqzip.autoencoders.residual import initialize
from vqzip.autoencoders.spec import LARGEST_LOG_GAIN
from vqzip.autoencoders.wavelet.gains import START_LOG_KNEE, LevelGains, Scale, local_variance

STEP = torch.tensor([30.0, 90.0])


def made_gains(width: int) -> LevelGains:
    gains = LevelGains(9, width)
    initialize(gains, torch.Generator().manual_seed(0))
    return gains


def low_band() -> torch.Tensor:
    return 50 * torch.randn(2, 3, 6, 8, generator=torch.Generator().manual_seed(1))


@pytest.mark.parametrize("width", [0, 4])
@torch.no_grad()
def test_every_gain_is_one_at_first(width: int) -> None:
    gains = made_gains(width)
    assert not torch.allclose(gains(low_band(), STEP).gain, torch.ones(()))
    gains.start_at_one()
    gain = gains(low_band(), STEP).gain
    assert torch.equal(gain, torch.ones_like(gain))


@torch.no_grad()
def test_shapes() -> None:
    assert made_gains(0)(low_band(), STEP).gain.shape == (2, 9, 1, 1)
    assert made_gains(4)(None, STEP).gain.shape == (2, 9, 1, 1)
    assert made_gains(4)(low_band(), STEP).gain.shape == (2, 9, 6, 8)


@torch.no_grad()
def test_gains_differ_by_step_subband_and_place() -> None:
    gain = made_gains(4)(low_band(), STEP).gain
    assert len(gain.unique()) == gain.numel()


@pytest.mark.parametrize("sign", [-1, 1])
@torch.no_grad()
def test_gains_are_bounded(sign: int) -> None:
    gains = made_gains(4)
    gains.bands.bias.fill_(sign * 1e6)
    expected = torch.tensor(sign * LARGEST_LOG_GAIN).exp()
    torch.testing.assert_close(gains(low_band(), STEP).gain, expected.expand(2, 9, 6, 8))


@pytest.mark.parametrize("window", [3, 7])
def test_local_variance_is_that_of_the_window(window: int) -> None:
    x = low_band().double()
    edge = window // 2
    padded = np.pad(x.numpy(), ((0, 0), (0, 0), (edge, edge), (edge, edge)), mode="edge")
    windows = np.lib.stride_tricks.sliding_window_view(padded, (window, window), (2, 3))
    np.testing.assert_allclose(local_variance(x, window).numpy(), windows.var((4, 5)))


@pytest.mark.parametrize("knee", [None, 0.5, 30.0, 1e4])
def test_latents_come_back(knee: float | None) -> None:
    scale = Scale(torch.tensor(1.7).double(), None if knee is None else torch.tensor(knee).double())
    subbands = torch.tensor([0.0, 1e-3, -2.5, 40.0, -300.0, 4000.0], dtype=torch.float64)
    latents = scale.latents(subbands)
    torch.testing.assert_close(scale.subbands(latents), subbands)
    assert (latents.sign() == subbands.sign()).all()


def test_steps_grow_beyond_the_knee() -> None:
    scale = Scale(torch.tensor(1.0), torch.tensor(20.0))
    edges = scale.subbands(torch.arange(0.0, 100.0, 10.0))
    cells = edges.diff()
    assert cells[0] == pytest.approx(10, rel=0.05)
    assert (cells.diff() > 0).all()
    # asinh: far out, the cell is step / knee of the magnitude.
    assert cells[-1] / edges[-1] == pytest.approx(0.5, rel=0.25)


def test_latents_of_a_strange_file_stay_finite() -> None:
    scale = Scale(torch.tensor(1.0), torch.tensor(1.0))
    assert torch.isfinite(scale.subbands(torch.tensor([1e8, -1e30]))).all()


@torch.no_grad()
def test_knees_are_far_out_at_first_and_only_where_there_is_a_network() -> None:
    assert made_gains(0)(low_band(), STEP).knee is None
    gains = made_gains(4)
    gains.start_at_one()
    knee = gains(low_band(), STEP).knee
    assert knee is not None
    torch.testing.assert_close(knee, torch.tensor(START_LOG_KNEE).exp().expand(2, 9, 1, 1))
