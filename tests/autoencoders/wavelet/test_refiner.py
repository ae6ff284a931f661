"""The network around a wavelet: identity at first, of a known reach, alike at every step."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from vqzip.autoencoders.config import RefinerConfig
from vqzip.autoencoders.residual import initialize
from vqzip.autoencoders.wavelet.refiner import Refiner, without_ground

STEP = torch.tensor([40.0], dtype=torch.float64)


def refiner_of(blocks: int, *, moved: bool = True) -> Refiner:
    refiner = Refiner(RefinerConfig(6, blocks))
    initialize(refiner, torch.Generator().manual_seed(0))
    if not moved:
        refiner.start_as_identity()
    return refiner.double()


def planes(height: int, width: int, seed: int = 0) -> Tensor:
    generator = torch.Generator().manual_seed(seed)
    return 60 * torch.randn(1, 3, height, width, generator=generator, dtype=torch.float64)


@torch.no_grad()
def test_it_starts_as_the_identity() -> None:
    x = planes(16, 24)
    assert torch.equal(refiner_of(2, moved=False)(x, STEP), x)
    assert not torch.equal(refiner_of(2)(x, STEP), x)


@torch.no_grad()
def test_amplitudes_are_in_units_of_the_step() -> None:
    refiner = refiner_of(2)
    for block in refiner.blocks:
        block.modulation.weight.zero_()
    x = planes(16, 24)
    torch.testing.assert_close(refiner(3 * x, 3 * STEP), 3 * refiner(x, STEP))


@torch.no_grad()
def test_the_step_itself_is_seen_too() -> None:
    refiner, x = refiner_of(2), planes(16, 24)
    assert not torch.allclose(refiner(3 * x, 3 * STEP), 3 * refiner(x, STEP))


@pytest.mark.parametrize("blocks", [1, 2])
@torch.no_grad()
def test_reach(blocks: int) -> None:
    refiner = refiner_of(blocks)
    side = 4 * (refiner.reach // 4 + 2)
    x = planes(8, 2 * side)
    changed = x.clone()
    changed[..., side] += 50.0
    columns = (refiner(x, STEP) != refiner(changed, STEP)).flatten(0, 2).any(0).nonzero()
    first, last = int(columns.min()), int(columns.max())
    assert side - refiner.reach <= first < side - refiner.reach + 8
    assert side + refiner.reach - 8 < last <= side + refiner.reach


def test_the_ground_is_taken_away() -> None:
    x = planes(16, 24)
    torch.testing.assert_close(without_ground(x + 900.0), without_ground(x))
    flat = torch.full((1, 3, 16, 24), 77.0)
    assert torch.equal(without_ground(flat), torch.zeros(1, 48, 4, 6))
