"""What is known about a sample before it is coded: prediction, expected error, features for the network."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from vqzip.prior.pixels.model import PixelPrior
from vqzip.prior.pixels.predictor import Predictor
from vqzip.prior.pixels.spec import FAR, LARGEST_FEATURE, MOST_INPUTS, OTHER, OWN, UNIT

_PAD = 3
_THRESHOLDS = (0x9837F052, 0xB504F334, 0xD744FCCB)
"""2^31 times 2^(1/4), 2^(2/4), 2^(3/4), rounded up."""


class Tile:
    """Samples and errors of a tile, with three copies of the border around each plane.

    In planes 1 and 2, what is called a sample here is the difference to plane 0.

    Args:
        planes: 1 or 3.
        height: rows.
        width: columns.
        depth: bits of a sample.
    """

    def __init__(self, planes: int, height: int, width: int, depth: int) -> None:
        shape = (planes, height + 2 * _PAD, width + 2 * _PAD)
        self.depth, self._height, self._width = depth, height, width
        self._samples = np.zeros(shape, np.int64)
        self._samples[0] = 1 << (depth - 1)
        self._errors = np.full(shape, 2 * UNIT << (depth - 8), np.int64)

    def samples(self, plane: int, y: int, x: int, taps: Iterable[tuple[int, int]]) -> list[int]:
        """Return samples around a position."""
        return [int(self._samples[plane, y + _PAD + dy, x + _PAD + dx]) for dy, dx in taps]

    def errors(self, plane: int, y: int, x: int, taps: Iterable[tuple[int, int]]) -> list[int]:
        """Return errors around a position, sample - prediction in 1/64."""
        return [int(self._errors[plane, y + _PAD + dy, x + _PAD + dx]) for dy, dx in taps]

    def base(self, plane: int, y: int, x: int) -> int:
        """Return the sample of plane 0 at a position; 0 in plane 0."""
        return int(self._samples[0, y + _PAD, x + _PAD]) if plane else 0

    def put(self, plane: int, y: int, x: int, sample: int, prediction: int) -> None:
        """Record a sample."""
        self._samples[plane, y + _PAD, x + _PAD] = sample - self.base(plane, y, x)
        self._errors[plane, y + _PAD, x + _PAD] = sample * UNIT - prediction

    def pad_before(self, plane: int, y: int) -> None:
        """Fill the sides of a row before it is coded: copies of the ends of the row above."""
        for values in (self._samples[plane], self._errors[plane]):
            above, row = values[y + _PAD - 1], values[y + _PAD]
            row[:_PAD] = above[_PAD]
            row[self._width + _PAD :] = above[self._width + _PAD - 1]

    def pad_after(self, plane: int, y: int) -> None:
        """Fill the right side of a row that is known: copies of its end."""
        for values in (self._samples[plane], self._errors[plane]):
            values[y + _PAD, self._width + _PAD :] = values[y + _PAD, self._width + _PAD - 1]

    def pad_below(self, plane: int) -> None:
        """Fill the rows below a plane that is known: copies of its last row."""
        for values in (self._samples[plane], self._errors[plane]):
            values[self._height + _PAD :] = values[self._height + _PAD - 1]


@dataclass(frozen=True)
class Context:
    """What is known about a sample.

    Args:
        base: the sample of plane 0 at its position; 0 in plane 0.
        reference: about the mean of its neighbors, less the base.
        prediction: in 1/64.
        expected: 4 · log2 of the expected error in 1/64.
        inputs: of the predictor, 28 with zeros at the end.
        features: of the network.
    """

    base: int
    reference: int
    prediction: int
    expected: int
    inputs: list[int]
    features: list[int]


def find_context(
    tile: Tile, plane: int, y: int, x: int, predictor: Predictor, prior: PixelPrior
) -> Context:
    """Return what is known about a sample."""
    neighbors = tile.samples(plane, y, x, OWN)
    reference = _reference(neighbors)
    inputs = [value - reference for value in neighbors]
    for other in range(plane):
        own = _reference(tile.samples(other, y, x, OWN[:4]))
        taps = OTHER[:7] if other else OTHER
        inputs += [value - own for value in tile.samples(other, y, x, taps)]
    inputs += [0] * (MOST_INPUTS - len(inputs))
    most = ((1 << tile.depth) - 1) * UNIT
    base = tile.base(plane, y, x)
    prediction = max(0, min(most, (base + reference) * UNIT + predictor.predict(inputs)))
    expected = _expected(tile, plane, y, x)
    one = int(prior.reciprocal[expected])
    features = _own_features(tile, plane, y, x, prediction, expected, one)
    for other in range(plane):
        features += _features_of_other(tile, other, y, x, expected, one)
    return Context(base, reference, prediction, expected, inputs, features)


def in_errors(difference: int, reciprocal: int) -> int:
    """Return a difference in 1/64 as multiples of 1/64 of the expected error."""
    return _clipped(difference * reciprocal >> 12)


def _clipped(feature: int) -> int:
    return max(-LARGEST_FEATURE, min(LARGEST_FEATURE, feature))


def _logarithm(value: int) -> int:
    """Return floor(4 · log2(value)) of a value above 0."""
    bits = value.bit_length() - 1
    leading = value << 31 >> bits
    return 4 * bits + sum(leading >= threshold for threshold in _THRESHOLDS)


def _log_feature(error: int, expected: int) -> int:
    return _clipped((_logarithm(abs(error) + 8) - expected) * 16)


def _reference(neighbors: list[int]) -> int:
    """Return about the mean of the neighbors to the left, above, upper left, upper right."""
    left, above, upper_left, upper_right = neighbors[:4]
    return (3 * (left + above) + upper_right + upper_left + 4) >> 3


def _near(tile: Tile, plane: int, y: int, x: int) -> int:
    """Return eight times the weighted mean of the errors around, those near twice."""
    sizes = [abs(error) for error in tile.errors(plane, y, x, OWN[:6])]
    return sum(sizes) + sizes[0] + sizes[1]


def _expected(tile: Tile, plane: int, y: int, x: int) -> int:
    total = _near(tile, plane, y, x)
    if plane:
        taps = ((0, 1), (1, 0), (0, -1), (-1, 0), (1, 1), (-1, 1))
        others = sum(abs(error) for error in tile.errors(plane - 1, y, x, taps))
        others += 2 * abs(tile.errors(plane - 1, y, x, ((0, 0),))[0])
        total = (3 * total + others) >> 2
    return _logarithm((total >> 3) + 32)


def _own_features(
    tile: Tile, plane: int, y: int, x: int, prediction: int, expected: int, one: int
) -> list[int]:
    most = ((1 << tile.depth) - 1) * UNIT
    errors = tile.errors(plane, y, x, OWN[:6])
    far = sum(abs(error) for error in tile.errors(plane, y, x, FAR))
    absolute = max(20, expected - 4 * (tile.depth - 8))
    difference = prediction - tile.base(plane, y, x) * UNIT
    return [
        *(in_errors(value * UNIT - difference, one) for value in tile.samples(plane, y, x, OWN)),
        *(in_errors(error, one) for error in errors),
        *(_log_feature(error, expected) for error in errors),
        _log_feature(_near(tile, plane, y, x) >> 3, expected),
        _log_feature(far >> 3, expected),
        (absolute - 32) * 16,
        in_errors(prediction, one),
        in_errors(most - prediction, one),
    ]


def _features_of_other(
    tile: Tile, other: int, y: int, x: int, expected: int, one: int
) -> list[int]:
    samples, errors = tile.samples(other, y, x, OTHER), tile.errors(other, y, x, OTHER)
    return [
        *(in_errors(error, one) for error in errors[:7]),
        *(_log_feature(error, expected) for error in errors),
        *(in_errors((sample - samples[0]) * UNIT, one) for sample in samples[1:5]),
    ]
