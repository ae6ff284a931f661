"""Learning of codewords: EMA or k-means gradient, start from data, replacement of unused codewords."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, Protocol

import torch
from torch import Tensor, nn

from vqzip.autoencoders.quantizers.codebook import CodebookQuantizer
from vqzip.autoencoders.quantizers.k_means import assign, k_means, random_indices


@dataclass(frozen=True)
class EmaConfig:
    """Codewords are running means of their latents (van den Oord 2017, appendix A.1; Sonnet).

    Args:
        decay: share of counts and sums that stays from batch to batch.
        epsilon: Laplace smoothing of the counts.
    """

    decay: float = 0.99
    epsilon: float = 1e-5
    kind: Literal["ema"] = "ema"


@dataclass(frozen=True)
class KMeansGradientConfig:
    """Codewords follow an optimizer: `C[k].grad = sum gamma (C[k] - L[x, y])` (McAllester).

    Args:
        gamma: scale of the gradient; Adam does not see it.
        decay: share of the counts that stays from batch to batch (for revival alone).
    """

    gamma: float = 1.0
    decay: float = 0.99
    kind: Literal["kmeans_gradient"] = "kmeans_gradient"


@dataclass(frozen=True)
class CodebookLearningConfig:
    """How the codebooks of every level learn.

    Args:
        rule: EMA or k-means gradient.
        revive_below: a codeword used less than this share of the mean is replaced by a latent.
        lloyd_steps: k-means steps at the start.
    """

    rule: EmaConfig | KMeansGradientConfig = EmaConfig()
    revive_below: float = 0.2
    lloyd_steps: int = 10


class Together(Protocol):
    """The processes that learn the same codebooks, each from a part of every batch.

    Attributes:
        rank: number of this process.
        count: number of processes.
    """

    rank: int
    count: int

    def sum(self, tensor: Tensor, /) -> Tensor:
        """Return the sum over all processes."""


class Alone:
    """One process."""

    rank, count = 0, 1

    def sum(self, tensor: Tensor) -> Tensor:
        """Return the tensor."""
        return tensor


class CodebookLearner(nn.Module):
    """Learns the codebooks of one level; books are group-major, stage-minor, B = G * D.

    Args:
        quantizer: what will be learned; gives the sizes.
        config: rule, revival, start.

    Attributes:
        counts: `(G, D, K)` running count of latents a batch.
        sums: `(G, D, K, dim)` running sum of them (used by EMA).
        revived: int64 scalar, codewords replaced so far.
        fresh: `(G, D, K)` bool, codewords that the last batch replaced.
    """

    counts: Tensor
    sums: Tensor
    revived: Tensor
    fresh: Tensor
    together: Together = Alone()

    def __init__(self, quantizer: CodebookQuantizer, config: CodebookLearningConfig) -> None:
        super().__init__()
        self.config = config
        books = quantizer.codebooks.detach()
        self.register_buffer("counts", torch.ones_like(books[..., 0]))
        self.register_buffer("sums", books.clone())
        self.register_buffer("revived", torch.zeros((), dtype=torch.int64))
        nothing = torch.zeros_like(books[..., 0], dtype=torch.bool)
        self.register_buffer("fresh", nothing, persistent=False)

    @torch.no_grad()
    def start(self, quantizer: CodebookQuantizer, z_e: Tensor, generator: torch.Generator) -> None:
        """Put the codewords at k-means centroids of latents `(N, G * dim, h, w)`."""
        one = z_e.new_ones(z_e.shape[0])
        for stage in range(quantizer.codebooks.shape[1]):
            # Later stages see the residuals of the stages before, so codes are computed again.
            inputs = quantizer.stage_inputs(z_e, quantizer.quantize(z_e, one).codes)
            for group, vectors in enumerate(inputs[:, stage]):
                centroids = k_means(vectors, quantizer.size, self.config.lloyd_steps, generator)
                quantizer.codebooks[group, stage] = centroids
        inputs, index = _by_book(quantizer, z_e, quantizer.quantize(z_e, one).codes)
        counts, _ = assign(inputs, index, quantizer.size)
        self.counts.copy_(counts.view_as(self.counts))
        # Sums that agree with the codewords, also for those without latents of their own.
        self.sums.copy_(quantizer.codebooks * self.counts.unsqueeze(-1))

    @torch.no_grad()
    def learn(
        self,
        quantizer: CodebookQuantizer,
        z_e: Tensor,
        codes: Tensor,
        _step: Tensor,
        generator: torch.Generator,
    ) -> None:
        """Follow one batch, then replace unused codewords by random latents of the batch.

        Args:
            quantizer: EMA changes its codebooks; the k-means gradient sets `codebooks.grad`, for
                the optimizer's step that comes next.
            z_e: `(N, G * dim, h, w)`.
            codes: `(N, G, D, h, w)`.
            generator: chooses the latents.
        """
        inputs, index = _by_book(quantizer, z_e, codes)
        counts, sums = assign(inputs, index, quantizer.size)
        counts = self.together.sum(counts).view_as(self.counts)
        sums = self.together.sum(sums).view_as(self.sums)
        rule = self.config.rule
        self.counts.lerp_(counts, 1 - rule.decay)
        self.sums.lerp_(sums, 1 - rule.decay)
        if isinstance(rule, EmaConfig):
            smoothed = laplace(self.counts, rule.epsilon)
            quantizer.codebooks.copy_(self.sums / smoothed.unsqueeze(-1))
        else:
            quantizer.codebooks.grad = k_means_gradient(
                quantizer.codebooks, counts, sums, gamma=rule.gamma
            )
        self._revive(quantizer, inputs, generator)

    def _revive(
        self, quantizer: CodebookQuantizer, inputs: Tensor, generator: torch.Generator
    ) -> None:
        mean = self.counts.mean(-1, keepdim=True)
        dead = self.counts < self.config.revive_below * mean
        fresh = self._drawn(inputs, dead.numel(), generator).view_as(quantizer.codebooks)
        # Sampled for every codeword and mostly discarded, so that there is no need to wait for the GPU to
        # count the unused ones.
        gone = dead.unsqueeze(-1)
        quantizer.codebooks.copy_(torch.where(gone, fresh, quantizer.codebooks))
        if quantizer.codebooks.grad is not None:
            quantizer.codebooks.grad.masked_fill_(gone, 0)
        # Its count starts at the mean, so that it has time to find its latents before it is replaced again.
        self.counts.copy_(torch.where(dead, mean, self.counts))
        self.sums.copy_(torch.where(gone, fresh * mean.unsqueeze(-1), self.sums))
        self.revived += dead.sum()
        self.fresh = dead

    def _drawn(self, inputs: Tensor, count: int, generator: torch.Generator) -> Tensor:
        """Return random latents of the joint batch, the same in every process, `(B, count / B, dim)`."""
        together, own = self.together, inputs.shape[1]
        chosen = random_indices(own * together.count, count, generator).to(inputs.device)
        chosen = (chosen - own * together.rank).view(len(inputs), -1, 1)
        mine = (chosen >= 0) & (chosen < own)
        places = chosen.clamp(0, own - 1).expand(-1, -1, inputs.shape[2])
        return together.sum(inputs.gather(1, places) * mine)


def _by_book(quantizer: CodebookQuantizer, z_e: Tensor, codes: Tensor) -> tuple[Tensor, Tensor]:
    """Return the inputs `(B, M, dim)` and codes `(B, M)` int64 of every codebook."""
    inputs = quantizer.stage_inputs(z_e, codes).flatten(0, 1)
    return inputs, codes.long().movedim(0, 2).flatten(2).flatten(0, 1)


def laplace(counts: Tensor, epsilon: float) -> Tensor:
    """Return counts `(..., K)` with Laplace smoothing and the same total (Sonnet's EMA).

    `(counts + epsilon) / (n + K epsilon) * n` with n their sum.
    """
    total = counts.sum(-1, keepdim=True)
    return (counts + epsilon) / (total + counts.shape[-1] * epsilon) * total


def k_means_gradient(codebooks: Tensor, counts: Tensor, sums: Tensor, *, gamma: float) -> Tensor:
    """Return `C[k].grad = sum over its latents of gamma (C[k] - L[x, y])` (McAllester's notes).

    Args:
        codebooks: `(..., K, dim)`.
        counts: `(..., K)` latents of each codeword.
        sums: `(..., K, dim)` their sums.
        gamma: scale.
    """
    return gamma * (counts.unsqueeze(-1) * codebooks.detach() - sums)
