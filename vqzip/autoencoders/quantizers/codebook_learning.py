"""How codewords follow the data: EMA or k-means gradient, data-driven start, revival, usage.

A learner holds the state that training needs and decoding does not (running counts and sums), as
buffers, so that a checkpoint carries it and a model folder need not.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor, nn

from vqzip.autoencoders.discrete import Vqvae, VqvaeOutput
from vqzip.autoencoders.quantizers.k_means import assign, k_means, random_indices
from vqzip.autoencoders.quantizers.quantizer import CodebookQuantizer, GridQuantizer
from vqzip.autoencoders.spec import MAGNITUDES

CENTROID_DECAY = 0.99
"""How much of the running means of a grid's centroids stays from batch to batch."""


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


@dataclass(frozen=True)
class Usage:
    """How much of its codebooks a level uses; means over groups and stages.

    Args:
        used: distinct codes.
        perplexity: exponential of the entropy of the codes in nats: as many equally used ones.
    """

    used: float
    perplexity: float


def usage(codes: Tensor) -> Usage:
    """Return the usage of a level's codes, `(N, G, D, h, w)`."""
    used, perplexities = [], []
    for book in codes.movedim(0, 2).flatten(2).flatten(0, 1):
        counts = book.unique(return_counts=True)[1].double()
        share = counts / counts.sum()
        used.append(len(counts))
        perplexities.append(float(torch.exp(-(share * share.log()).sum())))
    return Usage(sum(used) / len(used), sum(perplexities) / len(perplexities))


class CodebookLearner(nn.Module):
    """Learns the codebooks of one level; books are group-major, stage-minor, B = G * D.

    Args:
        quantizer: what will be learned; gives the sizes.
        config: rule, revival, start.

    Attributes:
        counts: `(G, D, K)` running count of latents a batch.
        sums: `(G, D, K, dim)` running sum of them (used by EMA).
        revived: int64 scalar, codewords replaced so far.
    """

    counts: Tensor
    sums: Tensor
    revived: Tensor

    def __init__(self, quantizer: CodebookQuantizer, config: CodebookLearningConfig) -> None:
        super().__init__()
        self.config = config
        books = quantizer.codebooks.detach()
        self.register_buffer("counts", torch.ones_like(books[..., 0]))
        self.register_buffer("sums", books.clone())
        self.register_buffer("revived", torch.zeros((), dtype=torch.int64))

    @torch.no_grad()
    def start(self, quantizer: CodebookQuantizer, z_e: Tensor, generator: torch.Generator) -> None:
        """Put the codewords at k-means centroids of latents `(N, G * dim, h, w)`."""
        one = z_e.new_ones(z_e.shape[0])
        for stage in range(quantizer.codebooks.shape[1]):
            # Later stages look at what the ones before left over, so codes are made anew.
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
        generator: torch.Generator,
    ) -> None:
        """Follow one batch, then replace dead codewords by random latents of it.

        Args:
            quantizer: EMA changes its codebooks; the k-means gradient sets `codebooks.grad`, for
                the optimizer's step that comes next.
            z_e: `(N, G * dim, h, w)`.
            codes: `(N, G, D, h, w)`.
            generator: chooses the latents.
        """
        inputs, index = _by_book(quantizer, z_e, codes)
        counts, sums = assign(inputs, index, quantizer.size)
        counts, sums = counts.view_as(self.counts), sums.view_as(self.sums)
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
        chosen = random_indices(inputs.shape[1], dead.numel(), generator).to(inputs.device)
        chosen = chosen.view(len(inputs), -1, 1).expand(-1, -1, inputs.shape[2])
        fresh = inputs.gather(1, chosen).view_as(quantizer.codebooks)
        # Drawn for every codeword and mostly thrown away: no wait for the GPU to count the dead.
        gone = dead.unsqueeze(-1)
        quantizer.codebooks.copy_(torch.where(gone, fresh, quantizer.codebooks))
        if quantizer.codebooks.grad is not None:
            quantizer.codebooks.grad.masked_fill_(gone, 0)
        # Counted as if of mean use: it has time to find its latents before it is judged again.
        self.counts.copy_(torch.where(dead, mean, self.counts))
        self.sums.copy_(torch.where(gone, fresh * mean.unsqueeze(-1), self.sums))
        self.revived += dead.sum()


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


def centroid_sums(codes: Tensor, latents: Tensor) -> tuple[Tensor, Tensor]:
    """Return, by magnitude of the code, how many there are and the sum of their shifts.

    Args:
        codes: `(N, G, h, w)` of a grid.
        latents: of the same shape, in steps.

    Returns:
        Counts and sums of `|q| - sign(q) z`, both `(G, 3)`.
    """
    magnitude = codes.abs()
    # Signed by the code: a code chosen by rate may lie on the other side of its latent.
    shift = magnitude - codes.sign() * latents
    own = [magnitude == m + 1 for m in range(MAGNITUDES - 1)] + [magnitude >= MAGNITUDES]
    counts = torch.stack([of_size.sum((0, 2, 3)) for of_size in own], 1)
    sums = torch.stack([(shift * of_size).sum((0, 2, 3)) for of_size in own], 1)
    return counts, sums


class CentroidLearner(nn.Module):
    """Learns where in its cell a grid's code should be reconstructed: at the mean of its latents.

    Args:
        quantizer: what will be learned.

    Attributes:
        counts: `(G, 3)` decaying count of latents by magnitude of their code.
        sums: `(G, 3)` decaying sum of `|q| - |z| / step`.
    """

    counts: Tensor
    sums: Tensor

    def __init__(self, quantizer: GridQuantizer) -> None:
        super().__init__()
        self.register_buffer("counts", torch.ones_like(quantizer.centroid_shift))
        self.register_buffer("sums", quantizer.centroid_shift.clone())

    @torch.no_grad()
    def learn(self, quantizer: GridQuantizer, z_e: Tensor, codes: Tensor, step: Tensor) -> None:
        """Follow one batch.

        Args:
            quantizer: its `centroid_shift` is changed.
            z_e: `(N, G, h, w)`.
            codes: `(N, G, 1, h, w)`.
            step: `(N,)`.
        """
        counts, sums = centroid_sums(codes.squeeze(2), z_e / step[:, None, None, None])
        self.counts.mul_(CENTROID_DECAY).add_(counts)
        self.sums.mul_(CENTROID_DECAY).add_(sums)
        quantizer.centroid_shift.copy_(self.sums / self.counts)


class CodewordLearning(nn.Module):
    """Learners of every level of a VQ-VAE.

    Args:
        vqvae: gives the sizes; is passed again to each call, so that it is not a part of this
            module's state.
        config: for the levels with codebooks.

    Attributes:
        learners: one a level, coarse first.
    """

    def __init__(self, vqvae: Vqvae, config: CodebookLearningConfig) -> None:
        super().__init__()
        self.learners = nn.ModuleList(
            CodebookLearner(quantizer, config)
            if isinstance(quantizer, CodebookQuantizer)
            else CentroidLearner(quantizer)
            for quantizer in vqvae.quantizers
        )

    @torch.no_grad()
    def start(self, vqvae: Vqvae, pixels: Tensor, generator: torch.Generator) -> None:
        """Start every codebook from the latents of `pixels` `(N, 3, H, W)`, coarse level first."""
        one = pixels.new_ones(pixels.shape[0])
        features = vqvae.transform.analyze(pixels, one)
        quantized: list[Tensor] = []
        for level, (quantizer, learner) in enumerate(
            zip(vqvae.quantizers, self.learners, strict=True)
        ):
            z_e = vqvae.transform.latent(level, features, quantized, one).float()
            if isinstance(learner, CodebookLearner) and isinstance(quantizer, CodebookQuantizer):
                learner.start(quantizer, z_e, generator)
            quantized.append(quantizer.quantize(z_e, one).z_q)

    def learn(
        self,
        vqvae: Vqvae,
        output: VqvaeOutput,
        generator: torch.Generator,
        step: Tensor | None = None,
    ) -> None:
        """Follow one batch; call between `backward()` and the optimizer's step.

        Args:
            vqvae: its codewords are changed (or given a gradient).
            output: of the batch.
            generator: chooses latents for dead codewords.
            step: `(N,)`, as given to the VQ-VAE.
        """
        step = output.x_hat.new_ones(output.x_hat.shape[0]) if step is None else step
        levels = zip(vqvae.quantizers, self.learners, output.z_e, output.codes, strict=True)
        for quantizer, learner, z_e, codes in levels:
            if isinstance(quantizer, CodebookQuantizer) and isinstance(learner, CodebookLearner):
                learner.learn(quantizer, z_e, codes, generator)
            elif isinstance(quantizer, GridQuantizer) and isinstance(learner, CentroidLearner):
                learner.learn(quantizer, z_e, codes, step)
