"""One stream tile: its codes to the payloads of its streams, and back.

The prior tells the coder what to expect of a level given the coarser ones, so levels are walked
coarse to fine in every direction: encoding, decoding, drawing samples.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from vqzip.codec.latents import TileLatents
from vqzip.configs import VqvaeConfig
from vqzip.prior.choosers import ByLevel, KnownCodes
from vqzip.prior.exact.level import State
from vqzip.prior.exact.prior import ExactPrior
from vqzip.prior.streams import StreamDecoder, StreamEncoder
from vqzip.prior.walk import CodeSource

Codes = NDArray[np.int32]
"""Codes of one level of a tile, `(G * D, H, W)`."""


@dataclass(frozen=True)
class CodedTile:
    """What encoding makes of a tile.

    Args:
        codes: `(G * D, H, W)` int32 a level.
        payloads: bytes of each stream.
        code_length_bits: code length of each level under the prior.
    """

    codes: list[Codes]
    payloads: list[bytes]
    code_length_bits: list[float]


class TileCoder:
    """Codes stream tiles of one picture.

    Args:
        prior: of the model.
        config: of the model's VQ-VAE.
        quality_step: of the picture, 0 to 56.
        gray: whether the picture has the codes of gray pictures alone.
    """

    def __init__(
        self, prior: ExactPrior, config: VqvaeConfig, *, quality_step: int, gray: bool
    ) -> None:
        self._prior = prior
        self._stream_of_level = config.stream_of_level
        self._quality_step, self._gray = quality_step, gray

    def encode(self, latents: TileLatents, price: float) -> CodedTile:
        """Choose a tile's codes and write them.

        Args:
            latents: of the tile.
            price: of a bit in squared steps; with 0 the nearest codes are taken, which is faster.
        """
        chooser = ByLevel()
        encoders = [StreamEncoder(chooser) for _ in range(max(self._stream_of_level) + 1)]
        codes: list[Codes] = []
        lengths: list[float] = []
        state: State | None = None
        for level, stream in enumerate(self._stream_of_level):
            encoder = encoders[stream]
            if price:
                chooser.add(level, latents.chooser(level, price))
                codes.append(self._walk(level, latents.shape(level), state, encoder))
            else:
                codes.append(latents.nearest(level))
                chooser.add(level, KnownCodes({level: codes[level]}))
                self._prior.walk_known(
                    level,
                    codes[level],
                    state,
                    encoder,
                    quality_step=self._quality_step,
                    gray=self._gray,
                )
            latents.choose(level, codes[level])
            lengths.append(encoder.code_length_bits.get(level, 0.0))
            state = self._advance(level, codes[level], state)
        return CodedTile(codes, [encoder.finish() for encoder in encoders], lengths)

    def decode(
        self, payloads: Sequence[bytes | None], shapes: Sequence[tuple[int, int]]
    ) -> list[Codes]:
        """Read a tile's codes.

        Args:
            payloads: bytes of each stream; the first that is None ends the reading.
            shapes: (H, W) of as many levels as are wanted.

        Returns:
            Codes of the levels that were there.

        Raises:
            InvalidFile: a payload is damaged.
        """
        codes: list[Codes] = []
        decoders: dict[int, StreamDecoder] = {}
        state: State | None = None
        for level, shape in enumerate(shapes):
            stream = self._stream_of_level[level]
            payload = payloads[stream]
            if payload is None:
                break
            if level:
                state = self._advance(level - 1, codes[-1], state)
            if stream not in decoders:
                decoders[stream] = StreamDecoder(payload)
            codes.append(self._walk(level, shape, state, decoders[stream]))
            if stream not in self._stream_of_level[level + 1 :]:
                decoders[stream].finish()
        return codes

    def draw(self, source: CodeSource, shapes: Sequence[tuple[int, int]]) -> list[Codes]:
        """Return codes of all levels that `source`, such as a `Sampler`, makes up."""
        codes: list[Codes] = []
        state: State | None = None
        for level, shape in enumerate(shapes):
            codes.append(self._walk(level, shape, state, source))
            state = self._advance(level, codes[level], state)
        return codes

    def _walk(
        self, level: int, shape: tuple[int, int], state: State | None, source: CodeSource
    ) -> Codes:
        return self._prior.walk(
            level, shape, state, source, quality_step=self._quality_step, gray=self._gray
        )

    def _advance(self, level: int, codes: Codes, state: State | None) -> State | None:
        return self._prior.advance(
            level, codes, state, quality_step=self._quality_step, gray=self._gray
        )
