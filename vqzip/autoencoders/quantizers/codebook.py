"""Learned codebooks: the nearest codeword (VQ-VAE, van den Oord 2017)."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from vqzip.autoencoders.quantizers.quantizer import Quantized
from vqzip.autoencoders.spec import QUANTIZER_CHUNK
from vqzip.errors import CodingError
from vqzip.hierarchy import LevelConfig


def commitment(z_e: Tensor, z_q: Tensor) -> Tensor:
    """Return the mean of `(z_e - sg[e])**2` (van den Oord 2017, equation 3, third term, over beta).

    Args:
        z_e: `(N, C, h, w)`; the gradient flows here alone.
        z_q: of the same shape.
    """
    return (z_e - z_q.detach()).square().mean()


def nearest(vectors: Tensor, codebooks: Tensor) -> Tensor:
    """Return the index of the nearest codeword by squared distance, in float32.

    Args:
        vectors: `(G, M, dim)`.
        codebooks: `(G, K, dim)`.

    Returns:
        `(G, M)` int64.
    """
    with torch.no_grad(), torch.autocast(vectors.device.type, enabled=False):
        words = codebooks.float()
        # |v - e|^2 = |v|^2 - 2 v·e + |e|^2, and |v|^2 is the same for every codeword.
        squares = words.square().sum(-1).unsqueeze(1)
        starts = range(0, vectors.shape[1], QUANTIZER_CHUNK)
        chunks = (vectors[:, start : start + QUANTIZER_CHUNK].float() for start in starts)
        indices = [torch.baddbmm(squares, v, words.mT, alpha=-2).argmin(-1) for v in chunks]
        return torch.cat(indices, 1)


class CodebookQuantizer(nn.Module):
    """Nearest codeword, in G groups and D residual stages.

    Stage d of a group quantizes what the stages before it left over; `z_q` is the sum.

    Args:
        level: groups, depth, number of codewords, and length of a codeword.

    Attributes:
        codebooks: `(G, D, K, dim)` float32. Autograd does not change them: `codebook_learning`
            moves them, or sets their gradient.
    """

    codebooks: nn.Parameter

    def __init__(self, level: LevelConfig) -> None:
        super().__init__()
        config = level.quantizer
        self.size, self.dim = config.size, config.dim
        shape = (level.groups, level.depth, config.size, config.dim)
        start = torch.randn(shape, generator=torch.Generator().manual_seed(0), dtype=torch.float32)
        self.codebooks = nn.Parameter(start, requires_grad=False)

    def quantize(self, z_e: Tensor, step: Tensor) -> Quantized:
        """Return codes and codewords of latents `(N, G * dim, h, w)`; codebooks have no step."""
        with torch.no_grad():
            residual = self._vectors(z_e)
            stages = []
            for books in self.codebooks.unbind(1):
                index = nearest(residual, books)
                residual = residual - _look_up(books, index)
                stages.append(index)
            n, _, h, w = z_e.shape
            codes = torch.unflatten(torch.stack(stages, 1), 2, (n, h, w)).movedim(2, 0)
        codes = codes.to(torch.int32).contiguous()
        return Quantized(codes, self.dequantize(codes, step))

    def dequantize(self, codes: Tensor, step: Tensor) -> Tensor:
        """Return `z_q`, `(N, G * dim, h, w)`, of codes `(N, G, D, h, w)`; there is no step."""
        del step
        n, groups, _, h, w = codes.shape
        index = codes.long().movedim(0, 2).flatten(2)
        stages = zip(self.codebooks.unbind(1), index.unbind(1), strict=True)
        z_q = torch.stack([_look_up(books, i) for books, i in stages]).sum(0)
        # (G, N, h, w, dim) to (N, G, dim, h, w)
        z_q = z_q.view(groups, n, h, w, self.dim).permute(1, 0, 4, 2, 3)
        return z_q.reshape(n, groups * self.dim, h, w)

    def stage_inputs(self, z_e: Tensor, codes: Tensor) -> Tensor:
        """Return the vectors that each stage quantized, `(G, D, M, dim)`, M = N * h * w.

        Args:
            z_e: `(N, G * dim, h, w)`.
            codes: `(N, G, D, h, w)`, what `quantize` made of it.
        """
        index = codes.long().movedim(0, 2).flatten(2)
        residual = self._vectors(z_e.detach())
        inputs = []
        for d, books in enumerate(self.codebooks.detach().unbind(1)):
            inputs.append(residual)
            residual = residual - _look_up(books, index[:, d])
        return torch.stack(inputs, 1)

    def blank(self, count: int, height: int, width: int) -> Tensor:
        """Return the mean codeword everywhere, `(count, G * dim, height, width)`."""
        mean = self.codebooks.detach().mean(2).sum(1).flatten()
        return mean[None, :, None, None].expand(count, -1, height, width)

    def check(self, codes: Tensor) -> None:
        """Raise CodingError when a code is not in 0 to K - 1."""
        if codes.numel() and not 0 <= int(codes.min()) <= int(codes.max()) < self.size:
            raise CodingError(f"codes must be 0 to {self.size - 1} for this model's codebooks.")

    def commitment(self, z_e: Tensor, z_q: Tensor) -> Tensor:
        """Return the commitment loss over beta; see `commitment`."""
        return commitment(z_e, z_q)

    def codewords(self) -> Tensor:
        """Return the codebooks."""
        return self.codebooks

    def centroids(self) -> Tensor:
        """Return an empty tensor: codewords are final when training ends."""
        return self.codebooks.new_empty(0)

    def _vectors(self, z: Tensor) -> Tensor:
        """Return `(N, G * dim, h, w)` as float32 `(G, N * h * w, dim)`."""
        groups = torch.unflatten(z.float(), 1, (-1, self.dim))
        return groups.permute(1, 0, 3, 4, 2).flatten(1, 3)


def _look_up(books: Tensor, index: Tensor) -> Tensor:
    """Return codewords `(G, M, dim)` of `books` `(G, K, dim)` at `index` `(G, M)`."""
    return torch.stack([book[i] for book, i in zip(books, index, strict=True)])
