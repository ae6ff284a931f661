"""The CDF 9/7 wavelet: undone exactly, nearly orthonormal, of a known reach."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from torch import Tensor

from vqzip.autoencoders.config import GainsConfig, RefinerConfig, WaveletTransformConfig
from vqzip.autoencoders.residual import initialize
from vqzip.autoencoders.spec import LOW_GAIN, PREDICT_1, PREDICT_2, UPDATE_1, UPDATE_2
from vqzip.autoencoders.wavelet.transform import WaveletTransform, analyze_axis, synthesize_axis

STEP = torch.ones(1, dtype=torch.float64)


def random_pixels(height: int, width: int, count: int = 1, seed: int = 0) -> Tensor:
    generator = torch.Generator().manual_seed(seed)
    return 255 * torch.rand(count, 3, height, width, generator=generator, dtype=torch.float64)


def transform(decompositions: int) -> WaveletTransform:
    return WaveletTransform(WaveletTransformConfig(decompositions)).double()


def lift(target: NDArray[np.float64], source: NDArray[np.float64], gain: float, side: int) -> None:
    """Add gain * (source[i] + source[i + side]) in a plain loop; ends are repeated."""
    last = len(source) - 1
    for i in range(len(target)):
        target[i] += gain * (source[i] + source[min(max(i + side, 0), last)])


def test_lifting_is_that_of_a_plain_loop() -> None:
    signal = np.random.default_rng(0).normal(size=14)
    low, high = signal[0::2].copy(), signal[1::2].copy()
    lift(high, low, PREDICT_1, +1)
    lift(low, high, UPDATE_1, -1)
    lift(high, low, PREDICT_2, +1)
    lift(low, high, UPDATE_2, -1)
    made_low, made_high = analyze_axis(torch.from_numpy(signal), 0)
    np.testing.assert_allclose(made_low.numpy(), low * LOW_GAIN, atol=1e-12)
    np.testing.assert_allclose(made_high.numpy(), high / LOW_GAIN, atol=1e-12)


@pytest.mark.parametrize("dim", [0, 1, 2])
def test_an_axis_comes_back(dim: int) -> None:
    x = torch.randn(4, 6, 8, dtype=torch.float64, generator=torch.Generator().manual_seed(1))
    torch.testing.assert_close(synthesize_axis(*analyze_axis(x, dim), dim), x)


@pytest.mark.parametrize(
    ("decompositions", "height", "width"), [(1, 2, 4), (3, 8, 24), (5, 64, 96)]
)
def test_pixels_come_back(decompositions: int, height: int, width: int) -> None:
    wavelet, pixels = transform(decompositions), random_pixels(height, width, count=2)
    levels = wavelet.analyze(pixels, STEP)
    assert levels[0].shape == (2, 3, height >> decompositions, width >> decompositions)
    for number, level in enumerate(levels[1:]):
        stride = 2 ** (decompositions - number)
        assert level.shape == (2, 9, height // stride, width // stride)
        assert wavelet.latent(number + 1, levels, [], STEP) is level
    # The color basis is orthonormal to float32.
    torch.testing.assert_close(wavelet.synthesize(levels, STEP), pixels, atol=1e-4, rtol=0)


def test_float32_is_good_enough() -> None:
    wavelet, pixels = transform(5).float(), random_pixels(64, 64).float()
    back = wavelet.synthesize(wavelet.analyze(pixels, STEP), STEP)
    torch.testing.assert_close(back, pixels, atol=2e-3, rtol=0)


def test_one_step_serves_all_subbands() -> None:
    """An error of 1 in any latent is an error of about 1 in the picture's norm."""
    wavelet = transform(5)
    blank = wavelet.analyze(torch.zeros(1, 3, 256, 256, dtype=torch.float64), STEP)
    ground = wavelet.synthesize(blank, STEP)
    for level in blank:
        for channel in range(level.shape[1]):
            place = (0, channel, level.shape[2] // 2, level.shape[3] // 2)
            level[place] += 1
            norm = float((wavelet.synthesize(blank, STEP) - ground).norm())
            level[place] -= 1
            assert 0.8 < norm < 1.25


def test_colors_are_an_orthonormal_basis_with_luma_first() -> None:
    wavelet = transform(1)
    identity = torch.eye(3, dtype=torch.float64)
    torch.testing.assert_close(wavelet.color @ wavelet.color.T, identity, atol=1e-6, rtol=0)
    gray = wavelet.analyze(random_pixels(8, 8)[:, :1].expand(-1, 3, -1, -1), STEP)
    assert gray[0][:, 1:].abs().max() < 0.05 * gray[0][:, 0].abs().max()


@pytest.mark.parametrize("decompositions", [1, 3])
def test_nothing_sees_beyond_its_reach(decompositions: int) -> None:
    wavelet, cell = transform(decompositions), 2**decompositions
    margin = -(-wavelet.analysis_reach // cell) * cell
    inside = slice(margin, margin + 2 * cell)
    pixels = random_pixels(2 * margin + 2 * cell, 2 * margin + 2 * cell)
    wider = torch.nn.functional.pad(pixels, (cell,) * 4, value=77.0)
    for a, b in zip(wavelet.analyze(pixels, STEP), wavelet.analyze(wider, STEP), strict=True):
        stride = pixels.shape[2] // a.shape[2]
        own = slice(inside.start // stride, inside.stop // stride)
        moved = slice((inside.start + cell) // stride, (inside.stop + cell) // stride)
        torch.testing.assert_close(a[:, :, own, own], b[:, :, moved, moved], atol=1e-10, rtol=0)


def test_drawn_tiles_with_their_reach_equal_the_whole() -> None:
    wavelet, cell, side = transform(3), 8, 64
    levels = wavelet.analyze(random_pixels(3 * side, 3 * side), STEP)
    whole = wavelet.synthesize(levels, STEP)
    margin = -(-wavelet.synthesis_reach // cell) * cell
    top = slice(side - margin, 2 * side + margin)
    cut = []
    for level in levels:
        stride = 3 * side // level.shape[2]
        own = slice(top.start // stride, top.stop // stride)
        cut.append(level[:, :, own, own])
    tile = wavelet.synthesize(cut, STEP)[:, :, margin : margin + side, margin : margin + side]
    expected = whole[:, :, side : 2 * side, side : 2 * side]
    torch.testing.assert_close(tile, expected, atol=1e-9, rtol=0)


def test_a_mirrored_border_makes_no_edge() -> None:
    """Symmetric extension: a picture continued by its own mirror image has the same low band."""
    x = torch.randn(16, dtype=torch.float64, generator=torch.Generator().manual_seed(2))
    # Whole-sample symmetry, as the repeated neighbors of the lifting steps amount to.
    ends = x[1:15].flip(0)
    wide_low, wide_high = analyze_axis(torch.cat([ends, x, ends]), 0)
    low, high = analyze_axis(x, 0)
    torch.testing.assert_close(wide_low[7:15], low)
    torch.testing.assert_close(wide_high[7:15], high)


def test_nothing_is_trained_or_stored() -> None:
    wavelet = transform(2)
    assert list(wavelet.parameters()) == []
    assert wavelet.state_dict() == {}


def learned_transform(width: int = 4) -> WaveletTransform:
    """A wavelet of two decompositions with random networks around it."""
    refiner = RefinerConfig(6, 1)
    config = WaveletTransformConfig(2, before=refiner, after=refiner, gains=GainsConfig(width))
    transform = WaveletTransform(config)
    initialize(transform, torch.Generator().manual_seed(5))
    return transform.double()


def latents_in_turn(wavelet: WaveletTransform, pixels: Tensor) -> list[Tensor]:
    features = wavelet.analyze(pixels, STEP)
    latents: list[Tensor] = []
    for level in range(len(features)):
        latents.append(wavelet.latent(level, features, latents, STEP))
    return latents


@torch.no_grad()
def test_networks_start_as_the_plain_wavelet() -> None:
    wavelet, plain = learned_transform(width=0), transform(2)
    wavelet.start()
    pixels = random_pixels(16, 24)
    latents = latents_in_turn(wavelet, pixels)
    for ours, theirs in zip(latents, plain.analyze(pixels, STEP), strict=True):
        assert torch.equal(ours, theirs)
    assert torch.equal(wavelet.synthesize(latents, STEP), plain.synthesize(latents, STEP))


@pytest.mark.parametrize("width", [0, 4])
@torch.no_grad()
def test_synthesis_undoes_gains_of_every_kind(width: int) -> None:
    wavelet = learned_transform(width)
    wavelet.before = wavelet.after = None
    pixels = random_pixels(16, 24)
    latents = latents_in_turn(wavelet, pixels)
    assert not torch.allclose(latents[2], wavelet.analyze(pixels, STEP)[2])
    torch.testing.assert_close(wavelet.synthesize(latents, STEP), pixels, atol=1e-4, rtol=0)


@pytest.mark.parametrize("width", [0, 4])
@torch.no_grad()
def test_latents_depend_on_coarser_codes_where_gains_do(width: int) -> None:
    wavelet = learned_transform(width)
    step = 60 * STEP
    features = wavelet.analyze(random_pixels(16, 24), step)
    coarse = [torch.zeros_like(features[0]), torch.zeros_like(features[1])]
    other = [coarse[0], 90 * torch.rand_like(coarse[1])]
    first, second = (wavelet.latent(2, features, codes, step) for codes in (coarse, other))
    assert wavelet.conditional == bool(width) == (not torch.equal(first, second))


@torch.no_grad()
def test_reach_grows_with_the_networks() -> None:
    wavelet, plain = learned_transform(), transform(2)
    assert wavelet.before is not None
    assert wavelet.analysis_reach == plain.analysis_reach + wavelet.before.reach
    assert wavelet.synthesis_reach == plain.synthesis_reach + wavelet.before.reach
