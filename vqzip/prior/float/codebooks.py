"""Codes of codebooks in the float prior: an embedding of a code, a logit for every codeword."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, cast

import torch
from torch import Tensor
from torch.nn import functional

from vqzip.hierarchy import CodebookConfig, LevelConfig
from vqzip.prior.float.dense import ACTIVATION_LIMIT

if TYPE_CHECKING:
    from vqzip.prior.float.pixelcnn import PixelCnn


class CodebookHead:
    """What depends on the kind of codes; see `FloatHead`."""

    def outputs(self, level: LevelConfig) -> int:
        """Return the logits of one code."""
        return cast("CodebookConfig", level.quantizer).size

    def features(self, net: PixelCnn, number: int, codes: Tensor) -> Tensor:
        """Return the embeddings of every code."""
        rows = [
            functional.embedding(codes[:, channel], table)
            for channel, table in enumerate(net.embeddings[number])
        ]
        return torch.cat(rows, 3).permute(0, 3, 1, 2).clamp(-ACTIVATION_LIMIT, ACTIVATION_LIMIT)

    def columns(self, channels: tuple[int, ...], features: int, of: int) -> list[int]:
        """Return where the features of some of `of` channels lie."""
        width = features // of
        return [channel * width + place for channel in channels for place in range(width)]

    def bits(
        self, net: PixelCnn, number: int, outputs: tuple[Tensor, ...], codes: Tensor, _gray: Tensor
    ) -> Tensor:
        """Return the code length of a level in bits, `(N,)`."""
        bits = torch.zeros(len(codes), device=codes.device)
        for stage, out in zip(net.config.levels[number].stages, outputs, strict=True):
            # One row of logits for each code; channels lie together, so this is no copy.
            logits = out.permute(0, 2, 3, 1).reshape(-1, out.shape[1] // len(stage.channels))
            wanted = codes[:, list(stage.channels)].permute(0, 2, 3, 1).flatten()
            nats = functional.cross_entropy(logits.float(), wanted.long(), reduction="none")
            bits = bits + nats.view(len(codes), -1).sum(1) / math.log(2)
        return bits
