"""Qualities from 1 to 8 by eighths, and the steps of the quantizer that they stand for."""

from __future__ import annotations

import itertools
import math
import numbers
from dataclasses import dataclass, field

from vqzip.errors import ModelError, UsageError

WHOLE_STEPS = 7
"""From quality 1 to 8."""

QUALITY_STEPS = 8 * WHOLE_STEPS + 1
"""Qualities by eighths, both ends included."""

NAMED_QUALITIES = {"thumbnail": 1.0, "web": 4.0, "good": 6.0, "archive": 8.0}
"""Names that stand for qualities in the API and behind `-q`."""


@dataclass(frozen=True, order=True)
class Quality:
    """A quality as files hold it.

    Args:
        eighths: above quality 1, 0 to 56; 0 for models of one quality.

    Raises:
        ModelError: it is outside that range.
    """

    eighths: int

    def __post_init__(self) -> None:
        if not 0 <= self.eighths < QUALITY_STEPS:
            raise ModelError(f"quality goes from 1 to {1 + WHOLE_STEPS}, got {self.value:g}.")

    @classmethod
    def of(cls, value: float) -> Quality:
        """Return the quality of a number from 1 to 8.

        Raises:
            ModelError: the number is not 1 to 8.
            UsageError: it is not a number, or not in steps of 1/8.
        """
        given: object = value  # callers without a type checker may pass anything
        if isinstance(given, bool) or not isinstance(given, numbers.Real):
            raise UsageError(f"quality is a number from 1 to 8, got {value!r}.")
        if not 1 <= value <= 1 + WHOLE_STEPS:
            raise ModelError(f"quality goes from 1 to {1 + WHOLE_STEPS}, got {value:g}.")
        if not float(8 * value).is_integer():
            raise UsageError(f"quality goes in steps of 1/8, as 4.125 or 4.25; got {value:g}.")
        return cls(round((value - 1) * 8))

    @property
    def value(self) -> float:
        """The number from 1 to 8."""
        return 1 + self.eighths / 8


def quality_number(given: float | str) -> float:
    """Return the number of a quality that a caller gives: a number, its digits, or a name.

    Args:
        given: from 1 to 8 in steps of 1/8, such as `6.5` or `"6.5"`, or one of `NAMED_QUALITIES`.

    Raises:
        UsageError: it is neither, or a number that is not in steps of 1/8.
        ModelError: it is a number outside 1 to 8.
    """
    if not isinstance(given, str):
        return Quality.of(given).value
    named = NAMED_QUALITIES.get(given.strip().lower())
    if named is not None:
        return named
    try:
        number = float(given)
    except ValueError:
        number = math.nan
    if math.isnan(number):
        raise UsageError(
            f"quality is a number from 1 to 8 or one of {', '.join(NAMED_QUALITIES)}; got '{given}'."
        )
    return Quality.of(number).value


EVERY_QUALITY = tuple(map(Quality, range(QUALITY_STEPS)))


@dataclass(frozen=True)
class QualityConfig:
    """How quality 1.0 to 8.0 maps to a quantizer step, for grids.

    With x = q - 1, `step(q) = base_step * ratio ** -(x + bend * x * (7 - x))`: the logarithm of the
    step is a parabola of the quality.

    Args:
        base_step: step of quality 1, in units of a pixel value (0 to 255).
        ratio: from one whole quality to the next, in the geometric mean: the step of quality 8 is
            `base_step / ratio**7`, whatever the bend.
        bend: 0 for the same ratio everywhere; above 0, steps fall faster at low qualities, below 0,
            at high ones. Beyond 1/7 either way they would rise at one end.
    """

    base_step: float = 110.0
    ratio: float = 1.5
    bend: float = field(default=0.0, metadata={"left_out": "at default"})

    def step(self, quality: Quality) -> float:
        """Return the step of a quality, in units of a pixel value."""
        x = quality.value - 1
        return float(self.base_step * self.ratio ** -(x + self.bend * x * (WHOLE_STEPS - x)))

    @property
    def falls(self) -> bool:
        """Whether the step of every quality is smaller than that of the one before."""
        steps = [self.step(quality) for quality in EVERY_QUALITY]
        return all(before > after for before, after in itertools.pairwise(steps))
