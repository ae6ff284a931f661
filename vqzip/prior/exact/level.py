"""The prior of one level: its layers and tables."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from vqzip.prior.exact.dense import IntegerDense


class CodeKind(Protocol):
    """The features and outputs of the prior for a kind of codes."""

    @property
    def width(self) -> int:
        """Features of one code."""

    @property
    def largest(self) -> int:
        """Largest magnitude of features."""

    @property
    def outputs(self) -> int:
        """Outputs of the network for one code."""

    def columns(self, channels: NDArray[np.intp], of: int, /) -> NDArray[np.intp]:
        """Return the indices of the features of some channels, code after code, in channel order.

        Args:
            channels: `(g,)` some of the channels.
            of: number of all channels.
        """


@dataclass(frozen=True)
class StagePrior:
    """Layers of one stage.

    Args:
        channels: `(g,)` channels that the stage codes.
        hidden: from the first hidden layer and earlier stages' features.
        out: from `hidden` to the head.
    """

    channels: NDArray[np.intp]
    hidden: IntegerDense
    out: IntegerDense


@dataclass(frozen=True)
class LevelPrior:
    """Layers of one level, over features in stage order.

    Args:
        level: number of the level, coarse first.
        channels: codes a position.
        side: rows and columns of a context tile, in codes.
        state_layer: the part of the first layer that sees the running state.
        taps_layer: the part of the first layer that sees the masked taps; both share one bias.
        stages: in coding order.
        update: layers of the running state's update; empty for the last level.
        update_kernels: kernel of each of them.
        upsample: whether the next level has half the stride.
        neighbour_mean: whether codes are seen as differences to the mean of their neighbors.
        kind: tables of the level's codes.
    """

    level: int
    channels: int
    side: int
    state_layer: IntegerDense
    taps_layer: IntegerDense
    stages: tuple[StagePrior, ...]
    update: tuple[IntegerDense, ...]
    update_kernels: tuple[int, ...]
    upsample: bool
    neighbour_mean: bool
    kind: CodeKind
