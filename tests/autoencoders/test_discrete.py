"""The VQ-VAE as a whole: every hierarchy, both transforms, both quantizers."""

from __future__ import annotations

from typing import cast

import pytest
import torch
from torch import Tensor

from vqzip.autoencoders.codeword_learning import CodewordLearning, usage
from vqzip.autoencoders.config import ConvTransformConfig, VqvaeConfig, WaveletTransformConfig
from vqzip.autoencoders.discrete import Vqvae
from vqzip.autoencoders.quantizers.codebook_learning import (
    CodebookLearningConfig,
    EmaConfig,
    KMeansGradientConfig,
)
from vqzip.autoencoders.residual import initialize
from vqzip.autoencoders.spec import PIXEL_SCALE
from vqzip.errors import CodingError, ModelError, PictureError
from vqzip.hierarchy import CodebookConfig, GridConfig, LevelConfig
from vqzip.quality import Quality, QualityConfig
from vqzip.training.losses import squared_error, vqvae_loss

HIERARCHIES = [
    ((4,), 1, 1),
    ((8, 4), 1, 1),
    ((8, 4), 2, 3),
    ((16, 8, 4), 2, 1),
]


def conv_vqvae(strides: tuple[int, ...], groups: int = 1, depth: int = 1, size: int = 16) -> Vqvae:
    levels = tuple(LevelConfig(s, groups, CodebookConfig(size, 4), depth) for s in strides)
    vqvae = Vqvae(VqvaeConfig(levels, ConvTransformConfig(16, 8, 1)))
    initialize(vqvae, torch.Generator().manual_seed(0))
    return vqvae


def wavelet_vqvae() -> Vqvae:
    levels = [LevelConfig(4, 3, GridConfig())]
    levels += [LevelConfig(stride, 9, GridConfig()) for stride in (4, 2)]
    return Vqvae(VqvaeConfig(tuple(levels), WaveletTransformConfig(2), QualityConfig()))


def smooth_pixels(count: int = 2, side: int = 32) -> Tensor:
    coarse = torch.rand(count, 3, 4, 4, generator=torch.Generator().manual_seed(1))
    return 255 * torch.nn.functional.interpolate(coarse, (side, side), mode="bilinear")


@pytest.mark.parametrize(("strides", "groups", "depth"), HIERARCHIES)
def test_shapes_of_every_hierarchy(strides: tuple[int, ...], groups: int, depth: int) -> None:
    vqvae, pixels = conv_vqvae(strides, groups, depth), smooth_pixels()
    codes = vqvae.encode(pixels)
    assert [c.shape for c in codes] == [(2, groups, depth, 32 // s, 32 // s) for s in strides]
    assert all(c.dtype == torch.int32 for c in codes)
    assert vqvae.decode(codes).shape == pixels.shape


@pytest.mark.parametrize(("strides", "groups", "depth"), HIERARCHIES)
def test_training_pass_agrees_with_coding(
    strides: tuple[int, ...], groups: int, depth: int
) -> None:
    vqvae, pixels = conv_vqvae(strides, groups, depth), smooth_pixels()
    output = vqvae(pixels)
    codes = vqvae.encode(pixels)
    assert all(torch.equal(a, b) for a, b in zip(output.codes, codes, strict=True))
    assert torch.equal(output.x_hat.clamp(0, 255), vqvae.decode(codes))


def test_wavelet_reconstructs_better_with_smaller_steps() -> None:
    vqvae, pixels = wavelet_vqvae(), smooth_pixels()
    errors = []
    for quality in map(Quality, (0, 28, 56)):
        x_hat = vqvae.decode(vqvae.encode(pixels, quality), quality)
        errors.append(float((x_hat - pixels).square().mean()))
    assert errors[0] > errors[1] > errors[2]
    assert errors[2] < 2


def test_every_picture_has_its_own_step() -> None:
    vqvae, pixels = wavelet_vqvae(), smooth_pixels()
    steps = torch.cat([vqvae.steps(1, Quality(8)), vqvae.steps(1, Quality(40))])
    output = vqvae(pixels, steps)
    for number, quality in enumerate((Quality(8), Quality(40))):
        alone = vqvae.encode(pixels[number : number + 1], quality)
        assert all(torch.equal(a[number], b[0]) for a, b in zip(output.codes, alone, strict=True))
    assert output.commitment.item() == 0


@pytest.mark.parametrize("vqvae", [conv_vqvae((16, 8, 4)), wavelet_vqvae()])
def test_coarse_levels_alone_give_a_whole_picture(vqvae: Vqvae) -> None:
    pixels = smooth_pixels()
    quality = None if vqvae.config.quality is None else Quality(40)
    codes = vqvae.encode(pixels, quality)
    for count in (1, 2):
        assert vqvae.decode(codes[:count], quality).shape == pixels.shape


def test_coarse_wavelet_levels_are_near_the_picture() -> None:
    vqvae, pixels = wavelet_vqvae(), smooth_pixels()
    x_hat = vqvae.decode(vqvae.encode(pixels, Quality(56))[:1], Quality(56))
    assert (x_hat - pixels).square().mean() < 50


def test_the_encoder_learns_through_the_codes_and_codebooks_do_not() -> None:
    vqvae, pixels = conv_vqvae((8, 4)), smooth_pixels()
    output = vqvae(pixels)
    torch.autograd.backward(output.x_hat.square().mean())
    trained = [p for p in vqvae.parameters() if p.requires_grad]
    assert all(p.grad is not None and p.grad.any() for p in trained)
    assert all(
        not cast("torch.nn.Module", q).state_dict()["codebooks"].requires_grad
        for q in vqvae.quantizers
    )


def test_commitment_is_the_sum_over_levels() -> None:
    output = conv_vqvae((8, 4))(smooth_pixels())
    expected = sum(
        float((z_e - z_q).square().mean().detach())
        for z_e, z_q in zip(output.z_e, output.z_q, strict=True)
    )
    assert output.commitment.item() == pytest.approx(expected, rel=1e-5)


def test_bfloat16_autocast_keeps_latents_and_pixels_in_float32() -> None:
    vqvae = conv_vqvae((8, 4))
    with torch.autocast("cpu", torch.bfloat16):
        output = vqvae(smooth_pixels())
    tensors = [output.x_hat, output.commitment, *output.z_e, *output.z_q]
    assert {t.dtype for t in tensors} == {torch.float32}


def test_only_what_decoding_needs_is_in_the_state() -> None:
    assert set(wavelet_vqvae().state_dict()) == {
        f"quantizers.{level}.centroid_shift" for level in range(3)
    }
    names = set(conv_vqvae((4,)).state_dict())
    assert {name for name in names if name.startswith("quantizers")} == {"quantizers.0.codebooks"}


@pytest.mark.parametrize("rule", [EmaConfig(), KMeansGradientConfig()])
def test_learning_lowers_the_loss_and_keeps_codes_in_use(
    rule: EmaConfig | KMeansGradientConfig,
) -> None:
    vqvae, pixels = conv_vqvae((8, 4)), smooth_pixels(4)
    optimizer = torch.optim.Adam(vqvae.parameters(), 3e-3)
    for _ in range(40):
        optimizer.zero_grad()
        error = squared_error(vqvae.autoencode(pixels), pixels) / PIXEL_SCALE**2
        torch.autograd.backward(error)
        optimizer.step()
    learning = CodewordLearning(vqvae, CodebookLearningConfig(rule))
    generator = torch.Generator().manual_seed(2)
    learning.start(vqvae, pixels, generator)
    losses = []
    for _ in range(60):
        optimizer.zero_grad()
        output = vqvae(pixels)
        loss = vqvae_loss(output, pixels, beta=0.25).total
        torch.autograd.backward(loss)
        learning.learn(vqvae, output, generator)
        optimizer.step()
        losses.append(loss.item())
    assert losses[-1] < 0.5 * losses[0]
    assert usage(vqvae.encode(pixels)[1]).perplexity > 4


def test_the_start_fits_every_level_to_its_latents() -> None:
    vqvae, pixels = conv_vqvae((8, 4)), smooth_pixels(4)
    before = vqvae(pixels).commitment.item()
    learning = CodewordLearning(vqvae, CodebookLearningConfig())
    learning.start(vqvae, pixels, torch.Generator().manual_seed(0))
    assert vqvae(pixels).commitment.item() < 0.01 * before


def test_sides_must_be_padded() -> None:
    with pytest.raises(PictureError, match="multiples of 8 pixels, got 36 x 32"):
        conv_vqvae((8, 4)).encode(torch.zeros(1, 3, 32, 36))


def test_quality_is_asked_for_exactly_when_the_model_has_it() -> None:
    with pytest.raises(ModelError, match="needs a quality"):
        wavelet_vqvae().encode(smooth_pixels())
    with pytest.raises(ModelError, match="one quality"):
        conv_vqvae((4,)).encode(smooth_pixels(), Quality(3))


def test_codes_that_do_not_fit_are_refused() -> None:
    vqvae = conv_vqvae((8, 4))
    codes = vqvae.encode(smooth_pixels())
    with pytest.raises(CodingError, match="level 1"):
        vqvae.decode([codes[0], codes[1][..., :-1]])
    with pytest.raises(CodingError, match="0 to 15"):
        vqvae.decode([codes[0], torch.full_like(codes[1], 16)])
    with pytest.raises(CodingError, match="2 levels"):
        vqvae.decode([])
