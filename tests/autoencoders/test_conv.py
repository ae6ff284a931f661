"""Shapes, hierarchy and reach of the residual encoder and decoder."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from vqzip.autoencoders.config import ConvTransformConfig
from vqzip.autoencoders.conv import ConvTransform
from vqzip.autoencoders.residual import ResidualBlock, initialize
from vqzip.errors import ModelError
from vqzip.hierarchy import CodebookConfig, LevelConfig

SMALL = ConvTransformConfig(hidden=8, residual_hidden=4, residual_blocks=1)
DIM = 3
STRIDES = [(4,), (8, 4), (8, 2), (4, 4), (16, 8, 4)]


def levels(strides: tuple[int, ...]) -> tuple[LevelConfig, ...]:
    return tuple(LevelConfig(stride, 2, CodebookConfig(5, DIM)) for stride in strides)


def transform_of(strides: tuple[int, ...]) -> ConvTransform:
    transform = ConvTransform(SMALL, levels(strides))
    initialize(transform, torch.Generator().manual_seed(0))
    return transform.double()


def latents_of(transform: ConvTransform, pixels: Tensor) -> list[Tensor]:
    """Latents of every level without quantization."""
    features = transform.analyze(pixels)
    z_e: list[Tensor] = []
    for level in range(len(features)):
        z_e.append(transform.latent(level, features, z_e))
    return z_e


def pixels_of(height: int, width: int) -> Tensor:
    generator = torch.Generator().manual_seed(1)
    return 255 * torch.rand(1, 3, height, width, generator=generator, dtype=torch.float64)


@pytest.mark.parametrize("strides", STRIDES)
@torch.no_grad()
def test_shapes(strides: tuple[int, ...]) -> None:
    transform = transform_of(strides)
    z_e = latents_of(transform, pixels_of(32, 48))
    assert [z.shape for z in z_e] == [(1, 2 * DIM, 32 // s, 48 // s) for s in strides]
    assert transform.synthesize(z_e).shape == (1, 3, 32, 48)


def first_and_last_change(before: Tensor, after: Tensor) -> tuple[int, int]:
    """Return the first and the last column in which two maps differ."""
    columns = (before != after).flatten(0, 2).any(0).nonzero().flatten()
    return int(columns.min()), int(columns.max())


def side_beyond(reach: int, stride: int) -> int:
    """Return a width, a multiple of `stride`, whose middle is farther than `reach` from its ends."""
    return 2 * stride * (reach // stride + 3)


@pytest.mark.parametrize("strides", STRIDES)
@torch.no_grad()
def test_latents_see_no_farther_than_the_reach(strides: tuple[int, ...]) -> None:
    transform = transform_of(strides)
    pixels = pixels_of(2 * strides[0], side_beyond(transform.analysis_reach, strides[0]))
    before = latents_of(transform, pixels)
    middle, seen = pixels.shape[-1] // 2, 0
    for column in range(middle, middle + strides[0]):
        changed = pixels.clone()
        changed[..., column] = 255 - changed[..., column]
        for stride, old, new in zip(strides, before, latents_of(transform, changed), strict=True):
            first, last = first_and_last_change(old, new)
            # From the last pixel of the first cell, and from the first pixel of the last.
            seen = max(seen, column - (first * stride + stride - 1), last * stride - column)
    assert seen <= transform.analysis_reach
    # Halos must not be much wider than needed; some ReLU may be shut on the longest path.
    assert seen >= 0.85 * transform.analysis_reach


@pytest.mark.parametrize("strides", STRIDES)
@torch.no_grad()
def test_pixels_see_no_farther_than_the_reach(strides: tuple[int, ...]) -> None:
    transform = transform_of(strides)
    height, width = 2 * strides[0], side_beyond(transform.synthesis_reach, strides[0])
    generator = torch.Generator().manual_seed(2)
    z_q = [
        torch.randn(1, 2 * DIM, height // s, width // s, generator=generator, dtype=torch.float64)
        for s in strides
    ]
    before, seen = transform.synthesize(z_q), 0
    for level, stride in enumerate(strides):
        changed = [z.clone() for z in z_q]
        cell = width // stride // 2
        changed[level][..., cell] += 1
        first, last = first_and_last_change(before, transform.synthesize(changed))
        seen = max(seen, cell * stride - first, last - (cell * stride + stride - 1))
    assert seen == transform.synthesis_reach


@torch.no_grad()
def test_finer_latents_depend_on_coarser_codes_and_not_the_reverse() -> None:
    transform = transform_of((16, 8, 4))
    features = transform.analyze(pixels_of(32, 32))
    z_e = latents_of(transform, pixels_of(32, 32))
    other = [torch.zeros_like(z) for z in z_e]
    assert torch.equal(transform.latent(0, features, other), z_e[0])
    for level in (1, 2):
        for coarser in range(level):
            mixed = [other[n] if n == coarser else z for n, z in enumerate(z_e[:level])]
            assert not torch.equal(transform.latent(level, features, mixed), z_e[level])


def test_strides_must_nest() -> None:
    with pytest.raises(ModelError, match="power of two"):
        ConvTransform(SMALL, levels((4, 8)))
    with pytest.raises(ModelError, match="power of two"):
        ConvTransform(SMALL, levels((12, 4)))


def test_every_weight_takes_part() -> None:
    transform = transform_of((16, 8, 4))
    z_e = latents_of(transform, pixels_of(32, 32))
    torch.autograd.backward(transform.synthesize(z_e).square().sum())
    assert all(p.grad is not None and p.grad.any() for p in transform.parameters())


def test_initialize_depends_on_the_generator_alone() -> None:
    first, second = transform_of((4,)), transform_of((4,))
    for a, b in zip(first.parameters(), second.parameters(), strict=True):
        assert torch.equal(a, b)


def test_residual_block_of_zero_weights_is_the_identity() -> None:
    block = ResidualBlock(4, 2)
    for parameter in block.parameters():
        torch.nn.init.zeros_(parameter)
    x = torch.randn(1, 4, 5, 5, generator=torch.Generator().manual_seed(0))
    assert torch.equal(block(x), x)


@torch.no_grad()
def test_bfloat16_autocast_is_near_float32() -> None:
    transform = transform_of((8, 4)).float()
    pixels = pixels_of(32, 32).float()
    exact = transform.synthesize(latents_of(transform, pixels))
    with torch.autocast("cpu", torch.bfloat16):
        rounded = transform.synthesize(latents_of(transform, pixels))
    assert (rounded - exact).abs().mean() < 2
