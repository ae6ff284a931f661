"""Ranges of numbers, which stand on the fields of dataclasses and are checked once."""

from __future__ import annotations

import dataclasses
import math
from typing import Any

from vqzip.errors import RecipeError


def ranged(low: float, high: float = math.inf, **field: Any) -> Any:
    """Return a dataclass field whose number must be `low` to `high`.

    Args:
        low: smallest value.
        high: largest value.
        **field: arguments of `dataclasses.field`, such as the default.
    """
    return dataclasses.field(metadata={"range": (low, high)}, **field)


def check_ranges(value: object, where: str) -> None:
    """Check the numbers of a dataclass, and of the dataclasses and tuples in it.

    Args:
        value: a dataclass, a tuple, or anything else, which has no range.
        where: dotted path for messages.

    Raises:
        RecipeError: a number is outside the range of its field.
    """
    if isinstance(value, tuple):
        for number, entry in enumerate(value):
            check_ranges(entry, f"{where}[{number}]")
    if not dataclasses.is_dataclass(value):
        return
    for field in dataclasses.fields(value):
        entry = getattr(value, field.name)
        key = f"{where}.{field.name}" if where else field.name
        if "range" in field.metadata:
            for number in entry if isinstance(entry, tuple) else (entry,):
                check_range(key, number, *field.metadata["range"])
        check_ranges(entry, key)


def check_range(key: str, value: float, low: float, high: float = math.inf) -> None:
    """Check one number.

    Raises:
        RecipeError: it is outside the range; NaN is outside every range.
    """
    if not low <= value <= high:
        bound = f"at least {low:g}" if high == math.inf else f"{low:g} to {high:g}"
        raise RecipeError(f"{key} must be {bound}, got {value:g}.")
