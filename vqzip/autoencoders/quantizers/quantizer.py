"""The interface of quantizers: latents to integer codes and back.

Each kind is a module: `codebook.CodebookQuantizer`, the nearest codeword of learned codebooks
(VQ-VAE, van den Oord 2017), and `grid.GridQuantizer`, multiples of a step. They hold only what decoding needs; a
`Learner` holds the state of learning.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Protocol

import torch
from torch import Tensor


@dataclass(frozen=True)
class Quantized:
    """Codes of one level and their quantized latents.

    Args:
        codes: `(N, G, D, h, w)` int32.
        z_q: `(N, G * dim, h, w)` float32.
    """

    codes: Tensor
    z_q: Tensor


class Quantizer(Protocol):
    """Quantizer of a level in the VQ-VAE; `step` is `(N,)`, one for each picture."""

    def quantize(self, z_e: Tensor, step: Tensor) -> Quantized:
        """Return codes and `z_q` of latents `(N, G * dim, h, w)`."""
        ...

    def dequantize(self, codes: Tensor, step: Tensor) -> Tensor:
        """Return `z_q`, `(N, G * dim, h, w)`, of codes `(N, G, D, h, w)`."""
        ...

    def blank(self, count: int, height: int, width: int) -> Tensor:
        """Return `(count, G * dim, height, width)`: the latents of a level whose codes are unknown."""
        ...

    def check(self, codes: Tensor) -> None:
        """Raise CodingError if a code of `(N, G, D, h, w)` is outside the alphabet."""
        ...

    def commitment(self, z_e: Tensor, z_q: Tensor) -> Tensor:
        """Return the commitment loss over beta, a scalar; 0 if codewords do not follow latents."""
        ...

    def codewords(self) -> Tensor:
        """Return the codewords `(G, D, K, dim)` that learn; empty if there are none."""
        ...

    def centroids(self) -> Tensor:
        """Return the buffer of reconstruction points that are fitted after training; empty if there is none."""
        ...


class Learner(Protocol):
    """Learns the codewords of a level.

    It holds the state that only training needs (running counts and sums) as buffers, so that checkpoints
    contain it and model folders do not.

    Attributes:
        fresh: codewords that the last batch replaced, bool; empty if codewords are never replaced.
        together: the processes that learn together; see `codebook_learning.Together`.
    """

    fresh: Tensor
    together: Any

    def start(self, quantizer: Any, z_e: Tensor, generator: torch.Generator, /) -> None:
        """Start the codewords from latents `(N, G * dim, h, w)`."""
        ...

    def learn(
        self,
        quantizer: Any,
        z_e: Tensor,
        codes: Tensor,
        step: Tensor,
        generator: torch.Generator,
        /,
    ) -> None:
        """Follow one batch of latents `(N, G * dim, h, w)` and codes `(N, G, D, h, w)`."""
        ...


def straight_through(z_e: Tensor, z_q: Tensor) -> Tensor:
    """Return the value of `z_q` with the gradient of `z_e` (van den Oord 2017, section 3.2).

    `sg[z_q] + (z_e - sg[z_e])` is the papers' `z_e + sg[z_q - z_e]` without its rounding error.
    """
    return z_q.detach() + (z_e - z_e.detach())
