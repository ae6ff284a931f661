"""Quantizers and how their codewords learn, against slow NumPy twins."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from torch import Tensor

from vqzip.autoencoders.codeword_learning import usage
from vqzip.autoencoders.quantizers import codebook as quantizer_module
from vqzip.autoencoders.quantizers.codebook import CodebookQuantizer, commitment, nearest
from vqzip.autoencoders.quantizers.codebook_learning import (
    CodebookLearner,
    CodebookLearningConfig,
    EmaConfig,
    KMeansGradientConfig,
)
from vqzip.autoencoders.quantizers.grid import CentroidLearner, GridQuantizer
from vqzip.autoencoders.quantizers.k_means import k_means
from vqzip.autoencoders.quantizers.quantizer import straight_through
from vqzip.errors import CodingError, ModelError
from vqzip.hierarchy import CodebookConfig, GridConfig, LevelConfig

Array = NDArray[np.float32]


def seeded(seed: int) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def codebook_quantizer(
    groups: int = 1, depth: int = 1, size: int = 7, dim: int = 3
) -> CodebookQuantizer:
    return CodebookQuantizer(LevelConfig(4, groups, CodebookConfig(size, dim), depth))


def grid_quantizer(groups: int = 2) -> GridQuantizer:
    return GridQuantizer(LevelConfig(4, groups, GridConfig()))


def latents(groups: int, dim: int, *, n: int = 2, h: int = 3, w: int = 5, seed: int = 1) -> Tensor:
    return torch.randn(n, groups * dim, h, w, generator=seeded(seed))


def slow_residual_quantization(z: Array, codebooks: Array) -> tuple[NDArray[np.int32], Array]:
    """Codes (G, D) and z_q (G * dim) of one position, by loops."""
    groups, depth, _, dim = codebooks.shape
    codes = np.zeros((groups, depth), np.int32)
    z_q = np.zeros(groups * dim, np.float32)
    for g in range(groups):
        rest = z[g * dim : (g + 1) * dim].astype(np.float64)
        for d in range(depth):
            codes[g, d] = ((rest - codebooks[g, d]) ** 2).sum(-1).argmin()
            rest = rest - codebooks[g, d, codes[g, d]]
            z_q[g * dim : (g + 1) * dim] += codebooks[g, d, codes[g, d]]
    return codes, z_q


def slow_ema(
    quantizer: CodebookQuantizer, z_e: Tensor, codes: Tensor, state: tuple[Array, Array]
) -> tuple[Array, Array, Array]:
    """Counts, sums and codebook (K, dim) after one step of Sonnet's VectorQuantizerEMA."""
    vectors = z_e.permute(0, 2, 3, 1).reshape(-1, quantizer.dim).numpy()
    one_hot = np.eye(quantizer.size, dtype=np.float32)[codes.numpy().ravel()]
    counts = 0.99 * state[0] + 0.01 * one_hot.sum(0)
    sums = 0.99 * state[1] + 0.01 * one_hot.T @ vectors
    n = counts.sum()
    smoothed = (counts + 1e-5) / (n + quantizer.size * 1e-5) * n
    return counts, sums, sums / smoothed[:, None]


# Codebooks


def test_nearest_is_the_least_squared_distance() -> None:
    vectors = torch.randn(2, 50, 4, generator=seeded(0))
    books = torch.randn(2, 9, 4, generator=seeded(1))
    distances = ((vectors.numpy()[:, :, None] - books.numpy()[:, None]) ** 2).sum(-1)
    np.testing.assert_array_equal(nearest(vectors, books).numpy(), distances.argmin(-1))


def test_nearest_is_the_same_in_chunks(monkeypatch: pytest.MonkeyPatch) -> None:
    vectors = torch.randn(1, 50, 4, generator=seeded(0))
    books = torch.randn(1, 9, 4, generator=seeded(1))
    whole = nearest(vectors, books)
    monkeypatch.setattr(quantizer_module, "QUANTIZER_CHUNK", 7)
    assert torch.equal(nearest(vectors, books), whole)


def test_nearest_stays_in_float32_under_autocast() -> None:
    # Two codewords that bfloat16 cannot tell apart.
    books = torch.tensor([[[1.0], [1.001]]])
    with torch.autocast("cpu", torch.bfloat16):
        assert nearest(torch.tensor([[[1.0009]]]), books).item() == 1


@pytest.mark.parametrize(("groups", "depth"), [(1, 1), (3, 1), (1, 3), (2, 2)])
def test_codes_and_codewords_equal_the_slow_ones(groups: int, depth: int) -> None:
    quantizer = codebook_quantizer(groups, depth)
    z_e = latents(groups, quantizer.dim)
    quantized = quantizer.quantize(z_e, torch.ones(2))
    assert quantized.codes.dtype == torch.int32
    assert quantized.codes.shape == (2, groups, depth, 3, 5)
    books = quantizer.codebooks.numpy()
    for n, i, j in np.ndindex(2, 3, 5):
        codes, z_q = slow_residual_quantization(z_e[n, :, i, j].numpy(), books)
        np.testing.assert_array_equal(quantized.codes[n, :, :, i, j].numpy(), codes)
        np.testing.assert_allclose(quantized.z_q[n, :, i, j].numpy(), z_q, rtol=1e-6, atol=1e-6)


def test_dequantize_gives_the_codewords_of_quantize() -> None:
    quantizer = codebook_quantizer(2, 2)
    quantized = quantizer.quantize(latents(2, 3), torch.ones(2))
    assert torch.equal(quantizer.dequantize(quantized.codes, torch.ones(2)), quantized.z_q)


def test_more_residual_stages_leave_less_over() -> None:
    quantizer = codebook_quantizer(1, 4, size=32)
    z_e = latents(1, 3, h=16, w=16)
    learner = CodebookLearner(quantizer, CodebookLearningConfig())
    learner.start(quantizer, z_e, seeded(0))
    codes = quantizer.quantize(z_e, torch.ones(2)).codes
    energies = quantizer.stage_inputs(z_e, codes).square().mean((0, 2, 3))
    assert (energies[1:] < 0.5 * energies[:-1]).all()


def test_stage_inputs_are_what_earlier_stages_left() -> None:
    quantizer = codebook_quantizer(1, 2)
    z_e = latents(1, 3)
    codes = quantizer.quantize(z_e, torch.ones(2)).codes
    inputs = quantizer.stage_inputs(z_e, codes)
    first = quantizer.codebooks[0, 0][codes[:, 0, 0].long().flatten()]
    assert torch.equal(inputs[0, 1], inputs[0, 0] - first)


@pytest.mark.parametrize("code", [-1, 7])
def test_a_code_outside_the_alphabet_is_refused(code: int) -> None:
    with pytest.raises(CodingError, match="0 to 6"):
        codebook_quantizer().check(torch.full((1, 1, 1, 2, 2), code))


def test_blank_is_the_mean_codeword() -> None:
    quantizer = codebook_quantizer(2, 2)
    blank = quantizer.blank(3, 4, 5)
    assert blank.shape == (3, 6, 4, 5)
    mean = quantizer.codebooks.numpy().mean(2).sum(1).ravel()
    np.testing.assert_allclose(blank[1, :, 2, 3].numpy(), mean, rtol=1e-5)


# Gradients


def test_straight_through_has_the_value_of_z_q_and_the_gradient_of_z_e() -> None:
    z_e = torch.randn(4, requires_grad=True, dtype=torch.float64)
    z_q = torch.randn(4, requires_grad=True, dtype=torch.float64)
    passed = straight_through(z_e, z_q)
    assert torch.equal(passed, z_q)
    weights = torch.arange(4.0, dtype=torch.float64)
    torch.autograd.backward((passed * weights).sum())
    assert z_e.grad is not None
    assert torch.equal(z_e.grad, weights)
    assert z_q.grad is None


def test_commitment_pulls_the_latents_alone() -> None:
    z_e = torch.randn(2, 3, dtype=torch.float64, requires_grad=True)
    z_q = torch.randn(2, 3, dtype=torch.float64, requires_grad=True)
    value = commitment(z_e, z_q)
    torch.autograd.backward(value)
    difference = z_e.detach().numpy() - z_q.detach().numpy()
    assert value.item() == pytest.approx((difference**2).mean())
    assert z_e.grad is not None
    np.testing.assert_allclose(z_e.grad.numpy(), 2 * difference / difference.size)
    assert z_q.grad is None
    assert torch.autograd.gradcheck(lambda z: commitment(z, z_q), (z_e,))


# Learning of codebooks


def test_ema_equals_sonnets() -> None:
    quantizer = codebook_quantizer()
    learner = CodebookLearner(quantizer, CodebookLearningConfig(EmaConfig(), revive_below=0))
    state = (learner.counts[0, 0].numpy().copy(), learner.sums[0, 0].numpy().copy())
    for seed in range(3):
        z_e = latents(1, 3, seed=seed)
        codes = quantizer.quantize(z_e, torch.ones(2)).codes
        *state_now, book = slow_ema(quantizer, z_e, codes, state)
        state = (state_now[0], state_now[1])
        learner.learn(quantizer, z_e, codes, torch.ones(1), seeded(0))
        np.testing.assert_allclose(learner.counts[0, 0].numpy(), state[0], rtol=1e-5)
        np.testing.assert_allclose(quantizer.codebooks[0, 0].numpy(), book, rtol=1e-4, atol=1e-5)
    assert quantizer.codebooks.grad is None


@pytest.mark.parametrize(("groups", "depth"), [(1, 1), (2, 2)])
def test_k_means_gradient_is_the_sum_over_the_latents_of_each_codeword(
    groups: int, depth: int
) -> None:
    quantizer = codebook_quantizer(groups, depth)
    config = CodebookLearningConfig(KMeansGradientConfig(gamma=0.5), revive_below=0)
    learner = CodebookLearner(quantizer, config)
    z_e = latents(groups, 3)
    codes = quantizer.quantize(z_e, torch.ones(2)).codes
    inputs = quantizer.stage_inputs(z_e, codes).numpy()
    books = quantizer.codebooks.numpy().copy()
    expected = np.zeros_like(books)
    for g, d in np.ndindex(groups, depth):
        for code, vector in zip(codes[:, g, d].flatten().tolist(), inputs[g, d], strict=True):
            expected[g, d, code] += 0.5 * (books[g, d, code] - vector)
    learner.learn(quantizer, z_e, codes, torch.ones(1), seeded(0))
    assert quantizer.codebooks.grad is not None
    np.testing.assert_allclose(quantizer.codebooks.grad.numpy(), expected, atol=1e-5)
    np.testing.assert_array_equal(quantizer.codebooks.numpy(), books)


def test_an_optimizer_moves_codebooks_by_the_k_means_gradient() -> None:
    quantizer = codebook_quantizer()
    config = CodebookLearningConfig(KMeansGradientConfig(), revive_below=0)
    learner = CodebookLearner(quantizer, config)
    z_e = latents(1, 3)
    before = quantizer.codebooks.clone()
    learner.learn(
        quantizer, z_e, quantizer.quantize(z_e, torch.ones(2)).codes, torch.ones(1), seeded(0)
    )
    gradient = quantizer.codebooks.grad
    assert gradient is not None
    torch.optim.SGD(quantizer.parameters(), 0.1).step()
    torch.testing.assert_close(quantizer.codebooks.detach(), before - 0.1 * gradient)


def test_k_means_finds_separate_clusters() -> None:
    centers = torch.tensor([[0.0, 0.0], [10.0, 0.0], [0.0, 10.0]])
    vectors = centers.repeat(40, 1) + 0.1 * torch.randn(120, 2, generator=seeded(0))
    found = k_means(vectors, 3, 20, seeded(3))
    assert torch.cdist(centers, found).min(1).values.max() < 0.2


def test_k_means_with_fewer_vectors_than_codewords() -> None:
    vectors = torch.randn(3, 2, generator=seeded(0))
    found = k_means(vectors, 8, 5, seeded(0))
    assert found.shape == (8, 2)
    assert torch.cdist(found, vectors).min(1).values.max() < 1e-5


def test_the_start_depends_on_the_generator_alone() -> None:
    z_e = latents(2, 3, h=8, w=8)
    results = []
    for seed in (4, 4, 5):
        quantizer = codebook_quantizer(2, 2)
        CodebookLearner(quantizer, CodebookLearningConfig()).start(quantizer, z_e, seeded(seed))
        results.append(quantizer.codebooks.detach().clone())
        torch.rand(1)  # the global generator must not matter
    assert torch.equal(results[0], results[1])
    assert not torch.equal(results[0], results[2])


def test_dead_codewords_become_latents_of_the_batch() -> None:
    quantizer = codebook_quantizer()
    quantizer.codebooks[0, 0, 5] = 1e6  # never the nearest
    learner = CodebookLearner(quantizer, CodebookLearningConfig(revive_below=0.1))
    learner.counts[0, 0, 5] = 0
    learner.sums[0, 0, 5] = 0
    z_e = latents(1, 3)
    learner.learn(
        quantizer, z_e, quantizer.quantize(z_e, torch.ones(2)).codes, torch.ones(1), seeded(0)
    )
    vectors = z_e.permute(0, 2, 3, 1).reshape(-1, 3)
    assert int(learner.revived) == 1
    assert (vectors == quantizer.codebooks[0, 0, 5]).all(1).any()
    mean = learner.sums[0, 0, 5] / learner.counts[0, 0, 5]
    torch.testing.assert_close(mean, quantizer.codebooks[0, 0, 5].detach())


def test_a_revived_codeword_takes_no_gradient_of_its_former_place() -> None:
    quantizer = codebook_quantizer()
    learner = CodebookLearner(
        quantizer, CodebookLearningConfig(KMeansGradientConfig(), revive_below=0.5)
    )
    learner.counts[0, 0, 2] = 0
    z_e = quantizer.codebooks[0, 0, 2].detach()[None, :, None, None] + 0.01
    learner.learn(quantizer, z_e, torch.full((1, 1, 1, 1, 1), 2), torch.ones(1), seeded(0))
    assert quantizer.codebooks.grad is not None
    assert not quantizer.codebooks.grad.any()


def test_a_learner_goes_on_from_its_state_dict() -> None:
    config, z_e = CodebookLearningConfig(), latents(1, 3)

    def follow(quantizer: CodebookQuantizer, learner: CodebookLearner) -> Tensor:
        codes = quantizer.quantize(z_e, torch.ones(2)).codes
        learner.learn(quantizer, z_e, codes, torch.ones(1), seeded(0))
        return quantizer.codebooks.detach().clone()

    quantizer = codebook_quantizer()
    learner = CodebookLearner(quantizer, config)
    follow(quantizer, learner)
    resumed = codebook_quantizer()
    resumed_learner = CodebookLearner(resumed, config)
    resumed.load_state_dict(quantizer.state_dict())
    resumed_learner.load_state_dict(learner.state_dict())
    assert torch.equal(follow(resumed, resumed_learner), follow(quantizer, learner))


def test_usage_of_equally_used_codes() -> None:
    codes = torch.arange(4).repeat(6).view(2, 1, 1, 3, 4)
    result = usage(codes)
    assert result.used == 4
    assert result.perplexity == pytest.approx(4)
    assert usage(torch.zeros(2, 3, 2, 4, 4)).perplexity == pytest.approx(1)


# Grids


def test_grid_codes_have_a_dead_zone() -> None:
    z_e = torch.tensor([0.0, 0.59, -0.59, 0.61, -0.61, 1.59, 1.61, 40.0]).view(1, 1, 1, 8)
    codes = grid_quantizer(1).quantize(3 * z_e, torch.tensor([3.0])).codes
    assert codes.flatten().tolist() == [0, 0, 0, 1, -1, 1, 2, 40]
    assert codes.dtype == torch.int32
    assert codes.shape == (1, 1, 1, 1, 8)


def test_grid_centroids_by_group_magnitude_and_step() -> None:
    quantizer = grid_quantizer(2)
    quantizer.centroid_shift.copy_(torch.tensor([[0.1, 0.2, 0.3], [0.0, -0.1, 0.5]]))
    codes = torch.tensor([[0, 1, -2, 3, -9], [1, -1, 2, 3, 0]]).view(1, 2, 1, 1, 5)
    both = torch.cat([codes, codes]).to(torch.int32)
    z_q = quantizer.dequantize(both, torch.tensor([1.0, 10.0]))
    expected = torch.tensor([[0, 0.9, -1.8, 2.7, -8.7], [1, -1, 2.1, 2.5, 0]]).view(1, 2, 1, 5)
    torch.testing.assert_close(z_q, torch.cat([expected, 10 * expected]))


def test_grid_quantize_agrees_with_dequantize() -> None:
    quantizer, step = grid_quantizer(3), torch.tensor([0.3, 0.7])
    z_e = latents(3, 1)
    quantized = quantizer.quantize(z_e, step)
    assert torch.equal(quantizer.dequantize(quantized.codes, step), quantized.z_q)
    assert ((quantized.z_q - z_e).abs() <= 0.7 * step.view(2, 1, 1, 1)).all()


def test_centroids_become_the_means_of_their_cells() -> None:
    quantizer = grid_quantizer(2)
    learner = CentroidLearner(quantizer, None)
    step = torch.tensor([0.5, 0.8])
    z_e = latents(2, 1, h=64, w=64)
    codes = quantizer.quantize(z_e, step).codes
    for _ in range(1500):
        learner.learn(quantizer, z_e, codes, step, seeded(0))
    q, scaled = codes[:, :, 0].numpy(), (z_e / step.view(2, 1, 1, 1)).numpy()
    for group, m in np.ndindex(2, 3):
        magnitude = np.abs(q[:, group])
        own = magnitude >= 3 if m == 2 else magnitude == m + 1
        expected = (magnitude - np.sign(q[:, group]) * scaled[:, group])[own].mean()
        assert float(quantizer.centroid_shift[group, m]) == pytest.approx(expected, abs=1e-4)


def test_learned_centroids_lower_the_error() -> None:
    quantizer, step = grid_quantizer(1), torch.ones(1)
    # The product of two normal variables has a peak at zero and long tails, as details have.
    z_e = latents(1, 1, n=1, h=64, w=64, seed=0) * latents(1, 1, n=1, h=64, w=64, seed=1)
    before = quantizer.quantize(z_e, step)
    learner = CentroidLearner(quantizer, None)
    learner.learn(quantizer, z_e, before.codes, step, seeded(0))
    after = quantizer.quantize(z_e, step)
    assert torch.equal(after.codes, before.codes)
    assert (after.z_q - z_e).square().mean() < (before.z_q - z_e).square().mean()


def test_a_grid_has_no_residual_stages() -> None:
    with pytest.raises(ModelError, match="depth 1"):
        GridQuantizer(LevelConfig(4, 1, GridConfig(), depth=2))


def test_a_blank_grid_level_is_zero() -> None:
    blank = grid_quantizer(2).blank(3, 4, 5)
    assert blank.shape == (3, 2, 4, 5)
    assert not blank.any()
