"""The levels of an exact prior as the arrays and structures of the compiled walk.

The weights of a layer are stored in pairs of inputs, `(pairs, lanes, 2)` int16, where lanes are the outputs
padded to a multiple of 16. The compiled walk sums in 32 bits, so a prior whose sums could overflow is not
packed; no exported prior has such layers.
"""

from __future__ import annotations

import ctypes
from collections.abc import Sequence
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from vqzip.prior.compiled import structures as c
from vqzip.prior.compiled.kinds import compiled_kind
from vqzip.prior.exact.dense import IntegerDense
from vqzip.prior.exact.level import LevelPrior
from vqzip.prior.exact.prior import ExactPrior

LANES = 16
LARGEST_SUM = 2**31 - 1
LARGEST_SHIFT = 31
"""Of numbers of 32 bits; a longer shift gives the same."""

Entry = TypeVar("Entry", bound=np.generic)


class Packed:
    """Structures of a prior's levels, and the arrays that they point to.

    Args:
        prior: the prior to pack.

    Attributes:
        levels: one structure for each level.
        kinds: what is known of the codes of each level.
        tables_of: structures of tables that levels share, by the identity of the tables.
    """

    def __init__(self, prior: ExactPrior) -> None:
        self._kept: list[object] = []
        self.tables_of: dict[int, c.Tables] = {}
        self.kinds = [compiled_kind(level) for level in prior.levels]
        self.levels = [self._level(number, prior.levels) for number in range(len(prior.levels))]

    def keep(self, array: NDArray[Any], dtype: type[Entry]) -> int | None:
        """Keep an array alive as long as this object; return its address."""
        kept = np.ascontiguousarray(array, dtype)
        self._kept.append(kept)
        return kept.ctypes.data if kept.size else None

    def _weights(self, weight: NDArray[np.int16]) -> c.Weights:
        """Return weights `(pairs, 2, lanes)` as a structure."""
        return c.Weights(
            self.keep(weight.transpose(0, 2, 1), np.int16), weight.shape[0], weight.shape[2]
        )

    def _rounding(self, layer: IntegerDense, order: NDArray[np.intp] | None = None) -> c.Rounding:
        """Return bias and shift of a layer, its outputs in another order if one is given."""
        order = np.arange(layer.outputs) if order is None else order
        bias = whole_lanes(layer.bias[:, order])
        shift = whole_lanes(np.minimum(layer.shift[order], LARGEST_SHIFT))
        addresses = self.keep(bias, np.int32), self.keep(shift, np.int32)
        return c.Rounding(*addresses, *bias.shape)

    def stage_codes(self, level: int) -> list[int]:
        """Return how many codes each stage of a level has."""
        packed = self.levels[level]
        return [packed.stages[number].codes for number in range(packed.stage_count)]

    def _level(self, number: int, levels: Sequence[LevelPrior]) -> c.Level:
        prior, kind = levels[number], self.kinds[number]
        stages, updates = self._stages(prior), self._updates(prior)
        following = levels[number + 1].state_layer.inputs if updates else 0
        taps = _word_pairs(prior.taps_layer.weight, prior.kind.width)
        level = c.Level(
            channels=prior.channels,
            words_of_code=-(-prior.kind.width // 2),
            side=prior.side,
            state=prior.state_layer.inputs,
            next_state=following,
            halves=prior.upsample,
            neighbor_mean=prior.neighbour_mean,
            from_state=self._weights(pairs(prior.state_layer.weight)),
            from_taps=self._weights(taps),
            first=self._rounding(prior.taps_layer),
            stages=stages,
            stage_count=len(stages),
            updates=updates or None,
            update_count=len(updates) if updates else 0,
        )
        kind.fill(level, self)
        self._kept += [stages, updates]
        return level

    def _stages(self, prior: LevelPrior) -> ctypes.Array[c.Stage]:
        hidden = prior.taps_layer.outputs
        packed = []
        for stage in prior.stages:
            known = _word_pairs(stage.hidden.weight[hidden:], prior.kind.width)
            packed.append(
                c.Stage(
                    channels=self.keep(stage.channels, np.int32),
                    codes=len(stage.channels),
                    from_first=self._weights(lane_pairs(stage.hidden.weight[:hidden])),
                    from_words=self._weights(known),
                    hidden=self._rounding(stage.hidden),
                    from_hidden=self._weights(lane_pairs(stage.out.weight)),
                    out=self._rounding(stage.out),
                )
            )
        return (c.Stage * len(packed))(*packed)

    def _updates(self, prior: LevelPrior) -> ctypes.Array[c.Update] | None:
        packed = []
        for number, (layer, kernel) in enumerate(
            zip(prior.update, prior.update_kernels, strict=True)
        ):
            places = layer.weight.reshape(kernel**2, -1, layer.outputs)
            order = np.arange(layer.outputs)
            if number + 1 == len(prior.update) and prior.upsample:
                # The four positions one after the other, the channels of each together.
                order = order.reshape(-1, 4).T.reshape(-1)
            state = prior.state_layer.inputs if number == 0 else places.shape[1]
            values, features = places[:, :state, order], places[:, state:, order]
            make = pairs if number == 0 else lane_pairs
            packed.append(
                c.Update(
                    from_values=self._weights(np.concatenate([make(place) for place in values])),
                    from_words=self._weights(
                        _word_pairs(features.reshape(-1, layer.outputs), prior.kind.width)
                    ),
                    rounding=self._rounding(layer, order),
                    kernel=kernel,
                )
            )
        return (c.Update * len(packed))(*packed) if packed else None


def fits(prior: ExactPrior) -> bool:
    """Return whether sums of all layers are proved to fit 32 bits."""
    layers: list[tuple[IntegerDense, ...]] = []
    for level in prior.levels:
        # Both are parts of one layer, and share its bias.
        layers += [(level.state_layer, level.taps_layer)]
        layers += [(layer,) for stage in level.stages for layer in (stage.hidden, stage.out)]
        layers += [(layer,) for layer in level.update]
    return all(_largest_sum(*parts) <= LARGEST_SUM for parts in layers)


def _largest_sum(*parts: IntegerDense) -> int:
    """Return a bound of all partial sums of a layer in parts, before its shift."""
    sums = np.zeros(parts[0].outputs, np.int64)
    for part in parts:
        largest = np.broadcast_to(part.largest_input, part.inputs)
        sums += largest @ np.abs(part.weight.astype(np.int64))
    # Biases are below 2^53, so this sum has room.
    sums += np.abs(parts[0].bias).max(0)
    return int(sums.max(initial=0))


def whole_lanes(array: NDArray[Entry]) -> NDArray[Entry]:
    """Return an array with zeros after its last axis, up to a multiple of 16 entries."""
    return np.pad(array, [(0, 0)] * (array.ndim - 1) + [(0, -array.shape[-1] % LANES)])


def pairs(weight: NDArray[np.int16]) -> NDArray[np.int16]:
    """Return weights `(in, out)` as `(pairs, 2, lanes)`."""
    padded = whole_lanes(np.pad(weight, ((0, len(weight) % 2), (0, 0))))
    return padded.reshape(-1, 2, padded.shape[1])


def lane_pairs(weight: NDArray[np.int16]) -> NDArray[np.int16]:
    """Return weights `(in, out)` over inputs that are lanes of another layer."""
    return pairs(np.pad(weight, ((0, -len(weight) % LANES), (0, 0))))


def _word_pairs(weight: NDArray[np.int16], width: int) -> NDArray[np.int16]:
    """Return weights `(in, out)` over the features of codes, `width` of them a code."""
    codes = weight.reshape(-1, width, weight.shape[1])
    return pairs(np.pad(codes, ((0, 0), (0, width % 2), (0, 0))).reshape(-1, weight.shape[1]))
