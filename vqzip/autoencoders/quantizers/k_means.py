"""Lloyd's algorithm, for codebooks that start from data."""

from __future__ import annotations

import torch
from torch import Tensor

from vqzip.autoencoders.quantizers.codebook import nearest

SAMPLES = 64
"""Largest number of vectors for each centroid that k-means uses."""


def assign(inputs: Tensor, index: Tensor, size: int) -> tuple[Tensor, Tensor]:
    """Return how many vectors each codeword has, `(B, K)`, and their sums, `(B, K, dim)`.

    Args:
        inputs: `(B, M, dim)` vectors of B codebooks.
        index: `(B, M)` int64 codes.
        size: K.
    """
    books, _, dim = inputs.shape
    counts = inputs.new_zeros(books, size)
    counts.scatter_add_(1, index, torch.ones_like(index, dtype=inputs.dtype))
    sums = inputs.new_zeros(books, size, dim)
    sums.scatter_add_(1, index.unsqueeze(-1).expand(-1, -1, dim), inputs)
    return counts, sums


def k_means(vectors: Tensor, size: int, steps: int, generator: torch.Generator) -> Tensor:
    """Return `size` centroids of `vectors` by Lloyd's algorithm from a random start.

    Args:
        vectors: `(M, dim)`.
        size: number of centroids.
        steps: Lloyd steps; an empty cluster takes a random vector.
        generator: source of all random numbers.

    Returns:
        `(size, dim)`.
    """
    sample = _draw(vectors, min(len(vectors), size * SAMPLES), generator)
    # `sample` is in random order: its first vectors are a random start without repetition.
    centroids = sample[torch.arange(size, device=sample.device) % len(sample)]
    for _ in range(steps):
        index = nearest(sample[None], centroids[None])
        counts, sums = assign(sample[None], index, size)
        means = sums[0] / counts[0].clamp(min=1).unsqueeze(-1)
        spare = sample[random_indices(len(sample), size, generator).to(sample.device)]
        centroids = torch.where(counts[0].unsqueeze(-1) > 0, means, spare)
    return centroids


def _draw(vectors: Tensor, count: int, generator: torch.Generator) -> Tensor:
    """Return `count` of the vectors, in random order, without repetition."""
    order = torch.randperm(len(vectors), generator=generator, device=generator.device)
    return vectors[order[:count].to(vectors.device)]


def random_indices(limit: int, count: int, generator: torch.Generator) -> Tensor:
    """Return `count` numbers of 0 to `limit - 1`, int64, on the generator's device."""
    return torch.randint(limit, (count,), generator=generator, device=generator.device)
