"""Learns the codewords of all levels, and measures how many are used."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import cast

import torch
from torch import Tensor, nn

from vqzip.autoencoders.discrete import Vqvae, VqvaeOutput
from vqzip.autoencoders.kinds import QUANTIZERS
from vqzip.autoencoders.quantizers.codebook_learning import CodebookLearningConfig
from vqzip.autoencoders.quantizers.quantizer import Learner


@dataclass(frozen=True)
class Usage:
    """Usage of the codebooks of a level; means over groups and stages.

    Args:
        used: number of distinct codes.
        perplexity: exponential of the entropy of the codes in nats: the effective number of codes.
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


class CodewordLearning(nn.Module):
    """Learners of every level of a VQ-VAE.

    Args:
        vqvae: used for the sizes only. It is passed to each call, so that it is not part of the state
            of this module.
        config: for the levels with codebooks.

    Attributes:
        learners: one a level, coarse first.
    """

    learners: Sequence[Learner]

    def __init__(self, vqvae: Vqvae, config: CodebookLearningConfig) -> None:
        super().__init__()
        learners = [
            QUANTIZERS[level.quantizer.kind].learner(quantizer, config)
            for level, quantizer in zip(vqvae.config.levels, vqvae.quantizers, strict=True)
        ]
        # A ModuleList at run time; the annotation keeps the elements' type.
        self.learners = cast("Sequence[Learner]", nn.ModuleList(cast("list[nn.Module]", learners)))

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
            learner.start(quantizer, z_e, generator)
            quantized.append(quantizer.quantize(z_e, one).z_q)

    def forget(self, vqvae: Vqvae, optimizer: torch.optim.Optimizer) -> None:
        """Remove what an optimizer remembers of codewords that the last batch replaced.

        Adam's moments of the codeword before would push the new one away from its latents.
        """
        for quantizer, learner in zip(vqvae.quantizers, self.learners, strict=True):
            fresh, books = learner.fresh, quantizer.codewords()
            for moment in optimizer.state.get(books, {}).values():
                if moment.shape == books.shape:
                    moment.masked_fill_(fresh[..., None], 0)

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
            generator: chooses latents to replace unused codewords.
            step: `(N,)`, as given to the VQ-VAE.
        """
        step = output.x_hat.new_ones(output.x_hat.shape[0]) if step is None else step
        levels = zip(vqvae.quantizers, self.learners, output.z_e, output.codes, strict=True)
        for quantizer, learner, z_e, codes in levels:
            learner.learn(quantizer, z_e, codes, step, generator)
