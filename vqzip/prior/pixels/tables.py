"""The tables of a pixel prior, computed with integers."""

from __future__ import annotations

from decimal import Context, Decimal

import numpy as np
from numpy.typing import NDArray

from vqzip.prior.pixels.spec import EXPECTATIONS, LOGISTIC, POINT_BITS, WIDTHS

_EXACT = Context(prec=60)


def make_tables() -> dict[str, NDArray[np.int64]]:
    """Return the tables by their names in a model folder."""
    tables = {
        "tables.reciprocal": [_power(18 - Decimal(i) / 4) for i in range(EXPECTATIONS)],
        "tables.deviation": [_power(Decimal(i) / 4) for i in range(EXPECTATIONS)],
        "tables.narrowness": [_power(32 - Decimal(i) / 8) for i in range(WIDTHS)],
        "tables.logistic": [_logistic(i) for i in range(LOGISTIC + 1)],
    }
    return {name: np.array(table, np.int64) for name, table in tables.items()}


def _power(exponent: Decimal) -> int:
    """Return 2^exponent, rounded to the nearest integer."""
    return _rounded(_EXACT.power(Decimal(2), exponent))


def _logistic(entry: int) -> int:
    """Return the logistic function of `entry / 64 - 16` in units of 2^-24."""
    if entry in (0, LOGISTIC):
        return 0 if entry == 0 else 1 << POINT_BITS
    below = _EXACT.exp(16 - Decimal(entry) / 64)
    return _rounded(_EXACT.divide(Decimal(1 << POINT_BITS), 1 + below))


def _rounded(number: Decimal) -> int:
    return int(number.to_integral_value())
