"""The levels of codes that a picture becomes."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from vqzip.errors import ModelError
from vqzip.quality import Quality

CONTEXT_TILE = 256
"""Side in pixels of a context tile: the prior sees nothing outside its own tile."""

COARSE_STRIDE = 8
"""Levels of this stride and coarser share a stream."""


@dataclass(frozen=True)
class CodebookConfig:
    """A learned codebook (van den Oord 2017): `size` codewords of `dim` numbers."""

    size: int
    dim: int
    kind: Literal["codebook"] = "codebook"

    head = "categorical"
    """The head of the prior that such codes need."""

    features = None
    """As many as the prior's embedding has."""

    learned = True
    """Codewords are random until a phase of training learns them."""


@dataclass(frozen=True)
class GridConfig:
    """Codewords k·step for every integer k: scalar quantization without limits."""

    kind: Literal["grid"] = "grid"

    head = "logistic"
    """The head of the prior that such codes need."""

    features = 2
    """That the prior has of a code: signed and absolute logarithm."""

    size = 0
    """A grid has no largest code."""

    learned = False

    dim = 1


@dataclass(frozen=True)
class LevelConfig:
    """One map of codes.

    Args:
        stride: size of a code's cell in pixels, in each direction.
        groups: slices of the channels, each with a codebook of its own.
        quantizer: the codewords, the same kind for every group.
        depth: residual stages in a group; stage d quantizes the residual of stage d - 1.
        relative_price: cost of a bit of this level when codes are chosen, relative to the model's price.
    """

    stride: int
    groups: int
    quantizer: CodebookConfig | GridConfig
    depth: int = 1
    relative_price: float = field(default=1.0, metadata={"left_out": "at default"})

    @property
    def channels(self) -> int:
        """Number of codes at a position: groups x depth."""
        return self.groups * self.depth


@dataclass(frozen=True)
class Hierarchy:
    """Any hierarchy: levels x groups x depth, coarse level first.

    Args:
        levels: coarse first; from level to level, strides fall or stay.
    """

    levels: tuple[LevelConfig, ...]

    @property
    def quality_steps(self) -> int:
        """Number of qualities that codes can have."""
        return 1

    def step(self, quality: Quality) -> float:
        """Return the step of the quantizers, in units of a pixel value; 1 in models of one quality.

        Raises:
            ModelError: the model has one quality, and it is another.
        """
        if quality.eighths:
            raise ModelError("this model has one quality; leave the quality out.")
        return 1.0

    @property
    def luma_alone(self) -> bool:
        """Whether a gray picture has only the codes of luma."""
        return False

    def luma(self, level: int) -> int:
        """Return how many channels of a level, from the first, a gray picture has codes for."""
        channels = self.levels[level].channels
        return channels // 3 if self.luma_alone else channels

    def shape(self, level: int, height: int, width: int) -> tuple[int, int]:
        """Return (H, W) of a level's codes, for a picture or a tile of `height` x `width` pixels."""
        stride = self.levels[level].stride
        return -(-height // stride), -(-width // stride)

    def shapes(self, height: int, width: int) -> list[tuple[int, int]]:
        """Return (H, W) of the codes of every level."""
        return [self.shape(level, height, width) for level in range(len(self.levels))]

    @property
    def stream_of_level(self) -> tuple[int, ...]:
        """The stream that each level is coded in.

        Levels of stride 8 and coarser share the first stream, because they are a small part of a file and
        every stream costs about eight bytes. Each finer stride has a stream of its own.
        """
        shared = [min(level.stride, COARSE_STRIDE) for level in self.levels]
        streams = sorted(set(shared), reverse=True)
        return tuple(streams.index(stride) for stride in shared)

    @property
    def streams(self) -> int:
        """Number of streams."""
        return max(self.stream_of_level) + 1

    @property
    def align(self) -> int:
        """Pictures are padded to a multiple of this many pixels."""
        return max(level.stride for level in self.levels)
