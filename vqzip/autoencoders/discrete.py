"""VQ-VAE of any hierarchy: levels x groups x depth (van den Oord 2017, Razavi 2019)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import chain
from typing import Protocol, cast

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from vqzip.autoencoders.config import VqvaeConfig
from vqzip.autoencoders.kinds import QUANTIZERS, TRANSFORMS
from vqzip.autoencoders.quantizers.quantizer import Quantized, Quantizer, straight_through
from vqzip.autoencoders.residual import initialize
from vqzip.errors import CodingError, ModelError, PictureError
from vqzip.quality import Quality


class Transform(Protocol):
    """Networks between pixels `(N, 3, H, W)`, 0 to 255, and the latents of every level.

    Attributes:
        analysis_reach: a latent depends on no pixel farther than this from its own cell.
        synthesis_reach: a pixel depends on no latent whose cell is farther than this from it.
        conditional: whether latents depend on the codes of coarser levels.

    `step` is `(N,)`, that of the grids in pixel values; networks for codebooks ignore it.
    """

    analysis_reach: int
    synthesis_reach: int
    conditional: bool

    def start(self) -> None:
        """Set the weights that do not start at random."""

    def analyze(self, pixels: Tensor, step: Tensor, /) -> list[Tensor]:
        """Return the features of the pixels, one tensor for each level."""
        ...

    def latent(
        self, level: int, features: list[Tensor], quantized: list[Tensor], step: Tensor, /
    ) -> Tensor:
        """Return `z_e` of a level, given `z_q` of the coarser ones: `(N, G * dim, h, w)`."""
        ...

    def synthesize(self, quantized: list[Tensor], step: Tensor, /) -> Tensor:
        """Return pixels, not clipped, from `z_q` of every level, coarse first."""
        ...


@dataclass(frozen=True)
class VqvaeOutput:
    """One training pass; lists are coarse level first.

    Args:
        x_hat: reconstruction `(N, 3, H, W)` float32, 0 to 255, not clipped.
        codes: `(N, G, D, h, w)` int32 a level.
        z_e: latents before quantization, `(N, G * dim, h, w)` float32 a level.
        z_q: the quantized latents, without the straight-through gradient.
        commitment: scalar, the sum over codebook levels of the mean `(z_e - sg[e])**2`; not yet
            multiplied by beta. Grids have none: their codewords do not follow latents.
    """

    x_hat: Tensor
    codes: list[Tensor]
    z_e: list[Tensor]
    z_q: list[Tensor]
    commitment: Tensor


class Vqvae(nn.Module):
    """Pixels to codes of every level and back.

    Args:
        config: levels, transform, quality.

    Attributes:
        transform: the networks.
        quantizers: one for each level, coarse first.
    """

    transform: Transform
    quantizers: Sequence[Quantizer]

    def __init__(self, config: VqvaeConfig) -> None:
        super().__init__()
        self.config = config
        kind = TRANSFORMS[config.transform.kind]
        self.transform = kind.torch(config.transform, config.levels)
        # A ModuleList at run time; the annotation keeps the elements' type.
        self.quantizers = cast(
            "Sequence[Quantizer]",
            nn.ModuleList(
                cast("nn.Module", QUANTIZERS[level.quantizer.kind].quantizer(level))
                for level in config.levels
            ),
        )

    def initialize(self, generator: torch.Generator) -> None:
        """Initialize the weights of the transform at random; networks around a wavelet start as the identity."""
        initialize(self, generator)
        self.transform.start()

    def forward(self, pixels: Tensor, step: Tensor | None = None) -> VqvaeOutput:
        """Encode and reconstruct with straight-through gradients.

        Args:
            pixels: `(N, 3, H, W)` float32, 0 to 255; sides are multiples of `config.align`.
            step: `(N,)` step of the grids, in pixel units; None is a step of 1, for models
                without qualities.
        """
        step = pixels.new_ones(pixels.shape[0]) if step is None else step
        features = self._analyze(pixels, step)
        z_e: list[Tensor] = []
        quantized: list[Quantized] = []
        passed: list[Tensor] = []
        for level, quantizer in enumerate(self.quantizers):
            z_e.append(self.transform.latent(level, features, passed, step).float())
            quantized.append(quantizer.quantize(z_e[level], step))
            passed.append(straight_through(z_e[level], quantized[level].z_q))
        committed = [
            quantizer.commitment(z, q.z_q)
            for z, q, quantizer in zip(z_e, quantized, self.quantizers, strict=True)
        ]
        return VqvaeOutput(
            x_hat=self.transform.synthesize(passed, step).float(),
            codes=[q.codes for q in quantized],
            z_e=z_e,
            z_q=[q.z_q for q in quantized],
            commitment=torch.stack(committed).sum(),
        )

    def autoencode(self, pixels: Tensor) -> Tensor:
        """Reconstruct without quantization, for the first steps of training.

        Codebooks that start from the latents of an untrained encoder fall out of use as the latents
        move: on a small two-level model, most of the coarse codes within 50 steps. A hundred steps
        like this before `codebook_learning` starts them prevent that.

        Args:
            pixels: `(N, 3, H, W)` float32, 0 to 255; sides are multiples of `config.align`.

        Returns:
            Pixels `(N, 3, H, W)` float32, not clipped.
        """
        step = pixels.new_ones(pixels.shape[0])
        features = self._analyze(pixels, step)
        z_e: list[Tensor] = []
        for level in range(len(self.quantizers)):
            z_e.append(self.transform.latent(level, features, z_e, step).float())
        return self.transform.synthesize(z_e, step).float()

    @torch.no_grad()
    def encode(self, pixels: Tensor, quality: Quality | None = None) -> list[Tensor]:
        """Return codes `(N, G, D, h, w)` int32 of every level, each the nearest to its latents.

        Args:
            pixels: `(N, 3, H, W)` float32, 0 to 255; sides are multiples of `config.align`.
            quality: None for models of one.

        Raises:
            PictureError: the sides are not multiples of `config.align`.
            ModelError: a quality is missing or not one of the model's.
        """
        step = self.steps(pixels.shape[0], quality)
        features = self._analyze(pixels, step)
        levels: list[Quantized] = []
        for level, quantizer in enumerate(self.quantizers):
            z_e = self.transform.latent(level, features, [q.z_q for q in levels], step)
            levels.append(quantizer.quantize(z_e.float(), step))
        return [q.codes for q in levels]

    @torch.no_grad()
    def decode(self, codes: Sequence[Tensor], quality: Quality | None = None) -> Tensor:
        """Return pixels `(N, 3, H, W)` float32, clipped to 0 to 255.

        Args:
            codes: `(N, G, D, h, w)` int32 a level, coarse first; finer levels may be left out.
            quality: None for models of one.

        Raises:
            CodingError: codes do not fit the model.
            ModelError: a quality is missing or not one of the model's.
        """
        self._check_codes(codes)
        count = codes[0].shape[0]
        step = self.steps(count, quality)
        quantized = [
            quantizer.dequantize(level_codes, step)
            for quantizer, level_codes in zip(self.quantizers, codes, strict=False)
        ]
        stride = self.config.levels[0].stride
        height, width = (side * stride for side in codes[0].shape[-2:])
        for level in range(len(codes), len(self.quantizers)):
            stride = self.config.levels[level].stride
            blank = self.quantizers[level].blank(count, height // stride, width // stride)
            quantized.append(blank)
        return self.transform.synthesize(quantized, step).float().clamp(0, 255)

    def encode_arrays(self, pixels: NDArray[np.uint8], quality: Quality) -> list[NDArray[np.int32]]:
        """Return the nearest codes of pixels `(N, 3, H, W)` as arrays `(N, C, h, w)`; see `encode`."""
        levels = self.encode(torch.from_numpy(pixels).float(), quality)
        return [level.flatten(1, 2).numpy() for level in levels]

    def decode_arrays(
        self, levels: Sequence[NDArray[np.int32]], quality: Quality, height: int, width: int
    ) -> NDArray[np.uint8]:
        """Return pixels `(N, height, width, 3)` of codes `(N, C, h, w)`, filled to whole cells; see `decode`."""
        align = self.config.align
        rows, columns = -(-height // align) * align, -(-width // align) * align
        codes = []
        for config, level in zip(self.config.levels, levels, strict=True):
            below = rows // config.stride - level.shape[2]
            right = columns // config.stride - level.shape[3]
            filled = np.pad(level, ((0, 0), (0, 0), (0, below), (0, right)), mode="edge")
            shape = (len(level), config.groups, config.depth, *filled.shape[2:])
            codes.append(torch.from_numpy(filled.reshape(shape)))
        pixels = self.decode(codes, quality)[:, :, :height, :width]
        shown: NDArray[np.uint8] = pixels.round().to(torch.uint8).permute(0, 2, 3, 1).numpy()
        return shown

    def codebook_arrays(self) -> tuple[NDArray[np.float32], ...]:
        """Return the codewords of each level, `(G, D, K, dim)`; empty for grids."""
        return tuple(q.codewords().detach().float().numpy() for q in self.quantizers)

    def steps(self, count: int, quality: Quality | None) -> Tensor:
        """Return the grids' step in pixel units for `count` pictures, `(count,)`.

        Raises:
            ModelError: a quality is missing or not one of the model's.
        """
        if quality is None and self.config.quality is not None:
            raise ModelError("this model needs a quality.")
        step = self.config.step(quality or Quality(0))
        device = next(chain(self.parameters(), self.buffers())).device
        return torch.full((count,), step, device=device, dtype=torch.float32)

    def _analyze(self, pixels: Tensor, step: Tensor) -> list[Tensor]:
        height, width = pixels.shape[-2:]
        align = self.config.align
        if height % align or width % align:
            raise PictureError(
                f"pictures must be padded to multiples of {align} pixels, got {width} x {height}."
            )
        return self.transform.analyze(pixels, step)

    def _check_codes(self, codes: Sequence[Tensor]) -> None:
        if not 1 <= len(codes) <= len(self.quantizers):
            raise CodingError(f"this model has {len(self.quantizers)} levels, got {len(codes)}.")
        count, _, _, rows, columns = codes[0].shape
        coarsest = self.config.levels[0].stride
        for number, (level, level_codes) in enumerate(zip(self.config.levels, codes, strict=False)):
            h, w = rows * coarsest // level.stride, columns * coarsest // level.stride
            expected = (count, level.groups, level.depth, h, w)
            if tuple(level_codes.shape) != expected:
                raise CodingError(
                    f"level {number} must have codes of shape {expected}, "
                    f"got {tuple(level_codes.shape)}."
                )
            self.quantizers[number].check(level_codes)
