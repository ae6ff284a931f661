"""Every term of the loss against NumPy: value and gradient."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import Tensor

from vqzip.nets.codebook_learning import k_means_gradient
from vqzip.nets.k_means import assign
from vqzip.nets.vqvae import VqvaeOutput
from vqzip.training.losses import codebook_loss, squared_error, vqvae_loss


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
