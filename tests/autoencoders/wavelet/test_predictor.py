"""Networks that predict details: zero at first, of a known reach, alike at every step."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from vqzip.autoencoders.config import PredictorConfig, WaveletTransformConfig
from vqzip.autoencoders.residual import initialize
from vqzip.autoencoders.wavelet.predictor import Predictor, less_local_mean
from vqzip.autoencoders.wavelet.transform import WaveletTransform

STEP = torch.tensor([40.0], dtype=torch.float64)


def predictor_of(fold: int, *, hidden: int = 3, moved: bool = True) -> Predictor:
    predictor = Predictor(PredictorConfig(2, 6, hidden, 2, fold))
    initialize(predictor, torch.Generator().manual_seed(0))
    if not moved:
        predictor.start_at_zero()
    return predictor.double()


def planes(height: int, width: int, seed: int = 0) -> Tensor:
    generator = torch.Generator().manual_seed(seed)
    return 60 * torch.randn(1, 3, height, width, generator=generator, dtype=torch.float64)


@pytest.mark.parametrize("fold", [1, 2])
@torch.no_grad()
def test_it_starts_at_zero(fold: int) -> None:
    low = planes(16, 24)
    start = predictor_of(fold, moved=False)(low, STEP)
    assert start.shape == (1, 9, 16, 24)
    assert not start.any()
    assert predictor_of(fold)(low, STEP).any()


@torch.no_grad()
def test_amplitudes_are_in_units_of_the_step() -> None:
    predictor, low = predictor_of(2), planes(16, 24)
    for block in predictor.blocks:
        block.modulation.weight.zero_()
    torch.testing.assert_close(predictor(3 * low, 3 * STEP), 3 * predictor(low, STEP))


@torch.no_grad()
def test_the_step_itself_is_seen_too() -> None:
    predictor, low = predictor_of(2), planes(16, 24)
    assert not torch.allclose(predictor(3 * low, 3 * STEP), 3 * predictor(low, STEP))


@pytest.mark.parametrize("fold", [1, 2])
@torch.no_grad()
def test_reach(fold: int) -> None:
    predictor = predictor_of(fold)
    side = fold * (predictor.reach // fold + 8)
    low = planes(16, 2 * side)
    changed = low.clone()
    changed[..., side] += 50.0
    columns = (predictor(low, STEP) != predictor(changed, STEP)).flatten(0, 2).any(0).nonzero()
    first, last = int(columns.min()), int(columns.max())
    assert side - predictor.reach <= first < side - predictor.reach + 2 * fold
    assert side + predictor.reach - 2 * fold < last <= side + predictor.reach


def test_brightness_is_not_seen() -> None:
    low = planes(16, 24)
    torch.testing.assert_close(less_local_mean(low + 900.0), less_local_mean(low))


@torch.no_grad()
def test_latents_are_what_the_prediction_leaves() -> None:
    config = WaveletTransformConfig(2, predictors=(PredictorConfig(2, 6, 3, 1, 2),))
    wavelet = WaveletTransform(config)
    initialize(wavelet, torch.Generator().manual_seed(5))
    wavelet.double()
    assert wavelet.conditional
    pixels = 128 + planes(16, 24)
    subbands = wavelet.analyze(pixels, STEP)
    latents: list[Tensor] = []
    for level in range(3):
        latents.append(wavelet.latent(level, subbands, latents, STEP))
    assert torch.equal(latents[1], subbands[1])
    low = wavelet.finer(latents[0], latents[1])
    predicted = wavelet.prediction(2, low, STEP)
    assert predicted is not None
    torch.testing.assert_close(latents[2], subbands[2] - predicted)
    torch.testing.assert_close(wavelet.synthesize(latents, STEP), pixels, atol=1e-4, rtol=0)


@torch.no_grad()
def test_coarse_levels_alone_are_drawn_with_predicted_details() -> None:
    config = WaveletTransformConfig(1, predictors=(PredictorConfig(2, 6, 3, 1),))
    wavelet = WaveletTransform(config)
    initialize(wavelet, torch.Generator().manual_seed(5))
    coarse = planes(8, 8).float()
    without = [coarse, torch.zeros(1, 9, 8, 8)]
    predicted = wavelet.prediction(1, coarse, STEP.float())
    assert predicted is not None
    drawn = wavelet.to_pixels(wavelet.finer(coarse, predicted), STEP.float())
    torch.testing.assert_close(wavelet.synthesize(without, STEP.float()), drawn)
