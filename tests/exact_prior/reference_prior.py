"""The integer prior in plain loops over Python integers, written from the format's description.

One position at a time, weights as they lie in a model folder; nothing is shared with
`vqzip.exact_prior` but the names of the tensors.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from vqzip.configs import PriorConfig, VqvaeConfig

Tensors = dict[str, NDArray[np.generic]]
Map = NDArray[np.int64]

TAPS = [(-2, dj) for dj in (-2, -1, 0, 1, 2, 3)]
TAPS += [(-1, dj) for dj in (-2, -1, 0, 1)]
TAPS += [(0, dj) for dj in (-2, -1)]


class ReferencePrior:
    """The prior of all levels for one picture.

    Args:
        vqvae: levels.
        prior: widths and stages.
        tensors: of the exact prior.
        condition: row of the biases.
        coded_stages: stages of each level that are coded.
    """

    def __init__(
        self,
        vqvae: VqvaeConfig,
        prior: PriorConfig,
        tensors: Tensors,
        condition: int,
        coded_stages: int,
    ) -> None:
        self.vqvae, self.prior, self.tensors = vqvae, prior, tensors
        self.condition, self.coded_stages = condition, coded_stages

    def dense(self, name: str, x: Sequence[int]) -> list[int]:
        weight = self.tensors[f"{name}.weight"].astype(object)
        bias = self.tensors[f"{name}.bias"][self.condition].tolist()
        shift = self.tensors[f"{name}.shift"].tolist()
        sums = np.array(x, object) @ weight if len(x) else np.zeros(len(bias), object)
        return [int(s + b) >> k for s, b, k in zip(sums, bias, shift, strict=True)]

    def hidden(self, name: str, x: Sequence[int]) -> list[int]:
        leaky = (v if v >= 0 else v >> 3 for v in self.dense(name, x))
        return [max(-2047, min(2047, v)) for v in leaky]

    def coded_channels(self, level: int) -> list[int]:
        stages = self.prior.levels[level].stages[: self.coded_stages]
        return [channel for stage in stages for channel in stage.channels]

    def inside(self, level: int, codes: Map, i: int, j: int, di: int, dj: int) -> bool:
        """Whether a neighbour is in the picture and in the same context tile."""
        side = 256 // self.vqvae.levels[level].stride
        y, x = i + di, j + dj
        in_picture = 0 <= y < codes.shape[1] and 0 <= x < codes.shape[2]
        return in_picture and y // side == i // side and x // side == j // side

    def base16(self, level: int, codes: Map, i: int, j: int, channel: int) -> int:
        if not self.prior.levels[level].neighbour_mean:
            return 0
        near = [
            int(codes[channel, i + di, j + dj])
            for di, dj in ((0, -1), (-1, 0))
            if self.inside(level, codes, i, j, di, dj)
        ]
        return 16 * sum(near) // len(near) if near else 0

    def code_features(self, level: int, codes: Map, i: int, j: int, channel: int) -> list[int]:
        code = int(codes[channel, i, j])
        if self.prior.head == "categorical":
            if channel not in self.coded_channels(level):
                return [0] * self.prior.embedding
            row: list[int] = self.tensors[f"features.embedding.{level}"][channel, code].tolist()
            return row
        if channel not in self.coded_channels(level):
            return [0, 0]
        code -= (self.base16(level, codes, i, j, channel) + 8) >> 4
        magnitude = int(self.tensors["features.magnitude"][min(abs(code), 255)])
        return [magnitude if code > 0 else -magnitude, magnitude]

    def features(
        self, level: int, codes: Map, i: int, j: int, channels: Sequence[int]
    ) -> list[int]:
        each = [self.code_features(level, codes, i, j, channel) for channel in channels]
        if self.prior.head == "categorical":
            return [number for features in each for number in features]
        return [signed for signed, _ in each] + [absolute for _, absolute in each]

    def outputs(self, level: int, codes: Map, state: Map, i: int, j: int) -> list[list[int]]:
        """Return the outputs of each coded stage, and check nothing of later codes is used."""
        config = self.prior.levels[level]
        everything = range(self.vqvae.levels[level].channels)
        x: list[int] = state[i, j].tolist()
        for di, dj in TAPS:
            if self.inside(level, codes, i, j, di, dj):
                x += self.features(level, codes, i + di, j + dj, everything)
            else:
                x += [0] * (len(everything) * self.prior.embedding)
        known = self.hidden(f"levels.{level}.first", x)
        result = []
        for number, stage in enumerate(config.stages[: self.coded_stages]):
            name = f"levels.{level}.stages.{number}"
            result.append(self.dense(f"{name}.out", self.hidden(f"{name}.hidden", known)))
            known = known + self.features(level, codes, i, j, stage.channels)
        return result

    def advance(self, level: int, codes: Map, state: Map) -> Map:
        """Return the state of the next level, `(H, W, C)`."""
        everything = range(self.vqvae.levels[level].channels)
        height, width = codes.shape[1:]
        positions = [(i, j) for i in range(height) for j in range(width)]
        values = {
            (i, j): [*state[i, j].tolist(), *self.features(level, codes, i, j, everything)]
            for i, j in positions
        }
        kernels = [layer.kernel for layer in self.prior.levels[level].update] + [1]
        for number, kernel in enumerate(kernels):
            reach = range(-(kernel // 2), kernel // 2 + 1)
            zero = [0] * len(values[0, 0])
            values = {
                (i, j): self.hidden(
                    f"levels.{level}.update.{number}",
                    [
                        value
                        for di in reach
                        for dj in reach
                        for value in (
                            values[i + di, j + dj]
                            if self.inside(level, codes, i, j, di, dj)
                            else zero
                        )
                    ],
                )
                for i, j in positions
            }
        if self.vqvae.levels[level + 1].stride == self.vqvae.levels[level].stride:
            return np.array([[values[i, j] for j in range(width)] for i in range(height)])
        channels = len(values[0, 0]) // 4
        shuffled = np.zeros((2 * height, 2 * width, channels), np.int64)
        for (i, j), value in values.items():
            for index, number in enumerate(value):
                a, b = index % 4 // 2, index % 2
                shuffled[2 * i + a, 2 * j + b, index // 4] = number
        return shuffled
