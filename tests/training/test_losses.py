"""Every term of the loss against NumPy: value and gradient."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import Tensor

from vqzip.autoencoders.discrete import VqvaeOutput
from vqzip.autoencoders.quantizers.codebook_learning import k_means_gradient
from vqzip.autoencoders.quantizers.k_means import assign
from vqzip.training.losses import (
    codebook_loss,
    dissimilarity,
    squared_error,
    squared_error_sum,
    vqvae_loss,
)


def tensor(seed: int, *shape: int) -> Tensor:
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(shape, generator=generator, dtype=torch.float64).requires_grad_()


def gradient(of: Tensor) -> Tensor:
    assert of.grad is not None
    return of.grad


def test_squared_error() -> None:
    x_hat, pixels = tensor(0, 2, 3, 4, 4), tensor(1, 2, 3, 4, 4).detach()
    value = squared_error(x_hat, pixels)
    torch.autograd.backward(value)
    difference = x_hat.detach().numpy() - pixels.numpy()
    assert value.item() == pytest.approx((difference**2).mean())
    np.testing.assert_allclose(gradient(x_hat).numpy(), 2 * difference / difference.size)
    assert torch.autograd.gradcheck(lambda x: squared_error(x, pixels), (x_hat,))


def test_codebook_loss_pulls_the_codewords_alone() -> None:
    z_e, z_q = tensor(0, 2, 3), tensor(1, 2, 3)
    value = codebook_loss(z_e, z_q)
    torch.autograd.backward(value)
    difference = z_q.detach().numpy() - z_e.detach().numpy()
    assert value.item() == pytest.approx((difference**2).mean())
    np.testing.assert_allclose(gradient(z_q).numpy(), 2 * difference / difference.size)
    assert z_e.grad is None


def test_k_means_gradient_is_the_codebook_losss() -> None:
    """McAllester's gradient is that of equation 3's second term, up to the factor 2 / size."""
    books, vectors = tensor(0, 5, 3), tensor(1, 40, 3).detach()
    index = torch.arange(40) % 5
    torch.autograd.backward(codebook_loss(vectors, books[index]))
    counts, sums = assign(vectors[None], index[None], 5)
    expected = k_means_gradient(books, counts[0], sums[0], gamma=2 / vectors.numel())
    torch.testing.assert_close(gradient(books), expected)


def test_vqvae_loss_weighs_its_terms() -> None:
    x_hat, pixels = tensor(0, 1, 3, 2, 2), tensor(1, 1, 3, 2, 2).detach()
    commitment = tensor(2)
    output = VqvaeOutput(x_hat=x_hat, codes=[], z_e=[], z_q=[], commitment=commitment)
    loss = vqvae_loss(output, pixels, beta=0.25)
    torch.autograd.backward(loss.total)
    difference = (x_hat.detach().numpy() - pixels.numpy()) / 127.5
    assert loss.reconstruction.item() == pytest.approx((difference**2).mean())
    assert loss.commitment.item() == pytest.approx(0.25 * commitment.item())
    assert loss.total.item() == pytest.approx(loss.reconstruction.item() + loss.commitment.item())
    assert gradient(commitment).item() == 0.25
    np.testing.assert_allclose(gradient(x_hat).numpy(), 2 * difference / 127.5 / difference.size)


def noisy_pair(side: int, noise: float) -> tuple[Tensor, Tensor]:
    """Smooth pictures and noisy copies of them, `(2, 3, side, side + 7)`."""
    generator = torch.Generator().manual_seed(side)
    pixels = 255 * torch.rand(2, 3, side, side + 7, generator=generator)
    pixels = torch.nn.functional.avg_pool2d(pixels, 9, 1, 4)
    return pixels + noise * torch.randn(pixels.shape, generator=generator), pixels


@pytest.mark.parametrize("side", [161, 176])
@pytest.mark.parametrize("noise", [0.0, 3.0, 30.0])
def test_dissimilarity_is_that_of_the_report(side: int, noise: float) -> None:
    pytorch_msssim = pytest.importorskip("pytorch_msssim")
    x_hat, pixels = noisy_pair(side, noise)
    expected = 1 - pytorch_msssim.ms_ssim(x_hat, pixels, data_range=255.0, size_average=False)
    torch.testing.assert_close(dissimilarity(x_hat, pixels), expected, atol=5e-6, rtol=0)
    assert (dissimilarity(x_hat, pixels) < 1e-5).all() == (noise == 0)


def test_dissimilarity_has_a_gradient_toward_the_picture() -> None:
    x_hat, pixels = noisy_pair(176, 20.0)
    x_hat = x_hat.requires_grad_()
    torch.autograd.backward(dissimilarity(x_hat, pixels).sum())
    nearer = x_hat.detach() - 1e4 * gradient(x_hat)
    assert (dissimilarity(nearer, pixels) < dissimilarity(x_hat.detach(), pixels)).all()


def test_the_sum_of_squares_counts_every_color() -> None:
    x_hat, pixels = tensor(0, 2, 3, 4, 5), tensor(1, 2, 3, 4, 5).detach()
    expected = ((x_hat - pixels) ** 2).detach().numpy().sum((1, 2, 3)) / 20
    np.testing.assert_allclose(squared_error_sum(x_hat, pixels).detach().numpy(), expected)


@pytest.mark.parametrize("side", [11, 40, 160])
def test_dissimilarity_of_small_crops_leaves_coarse_scales_out(side: int) -> None:
    pixels = 255 * torch.rand(2, 3, side, side, generator=torch.Generator().manual_seed(3))
    x_hat = (pixels + 9).requires_grad_()
    found = dissimilarity(x_hat, pixels)
    assert torch.isfinite(found).all()
    assert (found > 0).all()
    (slope,) = torch.autograd.grad(found.sum(), x_hat)
    assert torch.isfinite(slope).all()
    assert dissimilarity(pixels, pixels).abs().max() < 1e-5
