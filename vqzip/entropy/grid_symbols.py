"""Codes of a grid as symbols: the tables of the logistic head, and how they code an integer.

A code q has a mean in sixteenths of a step and one of 64 scales. Let m be the mean rounded to the
nearest integer, and `frac` the rest in sixteenths, plus 8. The coded value is v = q - m:

* narrow scales (the first n0): one symbol of 5, [escape low, -1, 0, 1, escape high];
* wide scales: v is split into hi = v >> k and k low bits, where the scale decides k. hi is one symbol
  of 31, [escape low, -14..14, escape high]; the low bits are raw;
* an escape is followed by the distance from the window in an Exp-Golomb code, so the only limit of v
  is `LARGEST_CODE`.

The alphabets are small because rANS reads a row of counts for each symbol. PixelCNN++ (Salimans et
al. 2017, section 2.1) uses the same discretized logistic with a symbol for each value.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from vqzip.entropy.counts import TOTAL, bits_of_count
from vqzip.entropy.logistic_tables import MEAN_FRACTION, NARROW_RADIUS, WIDE_RADIUS, LogisticTables
from vqzip.errors import CodingError, LimitExceeded

if TYPE_CHECKING:
    from vqzip.entropy.ans import SymbolPort


LARGEST_CODE = 1 << 20
"""Largest magnitude of a code of a grid."""

LONGEST_PREFIX = 24
"""Largest number of continue bits in the prefix of an escape."""

_CHUNK_BITS = 4
_UNIFORM = tuple(np.full((1, 1 << bits), float(TOTAL >> bits)) for bits in range(_CHUNK_BITS + 1))


class GridCoder:
    """Exchanges codes of a grid through a `SymbolPort`, and computes code lengths.

    Scale and sixteenths together select a row: row = 16 * scale + frac.
    """

    def __init__(self, tables: LogisticTables) -> None:
        self._wide = tables.wide.reshape(-1, 2 * WIDE_RADIUS + 3).astype(np.float64)
        self._narrow = tables.narrow.reshape(-1, 2 * NARROW_RADIUS + 3).astype(np.float64)
        self._narrow_rows = len(self._narrow)
        self._low_bits = np.repeat(tables.low_bits, MEAN_FRACTION)
        self._escape_order = np.repeat(tables.escape_order, MEAN_FRACTION)
        is_narrow = np.arange(len(self._wide)) < self._narrow_rows
        self._radius = np.where(is_narrow, NARROW_RADIUS, WIDE_RADIUS)
        self.window_bits = self._bits_in_window()

    def exchange(
        self,
        port: SymbolPort,
        mean16: NDArray[np.int64],
        scale: NDArray[np.int64],
        codes: NDArray[np.int64],
    ) -> NDArray[np.int64]:
        """Exchange codes in this order: narrow symbols, wide symbols, low bits, escapes.

        Args:
            port: takes or gives the symbols.
            mean16: int64 of any shape, means in sixteenths of a step.
            scale: int64 in 0..63, of the same shape.
            codes: int64 of the same shape; a reading port ignores them.

        Returns:
            int64 codes of the same shape.

        Raises:
            CodingError: the magnitude of a code to write is above `LARGEST_CODE`.
            LimitExceeded: the magnitude of a code that was read is.
        """
        if _beyond_largest_code(codes):
            raise CodingError(f"codes of a grid must lie within {LARGEST_CODE} of zero.")
        nearest = mean16 + 8
        row = ((scale << 4) | (nearest & 15)).reshape(-1)
        mean = nearest >> 4
        value = (codes - mean).reshape(-1)
        wide = (row >= self._narrow_rows).nonzero()[0]
        if wide.size:
            passed = self._exchange_mixed(port, row, value, wide)
        else:
            passed = _exchange_window(port, self._narrow, NARROW_RADIUS, row, value)
            self._exchange_excess(port, row, value, passed, NARROW_RADIUS)
        passed = passed.reshape(mean.shape)
        passed += mean
        if _beyond_largest_code(passed):
            raise LimitExceeded(f"a code lies more than {LARGEST_CODE} from zero.")
        return passed

    def _exchange_mixed(
        self,
        port: SymbolPort,
        row: NDArray[np.int64],
        value: NDArray[np.int64],
        wide: NDArray[np.intp],
    ) -> NDArray[np.int64]:
        """Exchange values; those at `wide` have wide scales. See `exchange`."""
        low_bits = self._low_bits.take(row)
        high = value >> low_bits
        passed = np.empty_like(high)
        narrow = (row < self._narrow_rows).nonzero()[0]
        for table, radius, at in (
            (self._narrow, NARROW_RADIUS, narrow),
            (self._wide, WIDE_RADIUS, wide),
        ):
            if at.size:
                passed[at] = _exchange_window(port, table, radius, row.take(at), high.take(at))
        at = low_bits.nonzero()[0]
        low = _exchange_raw(port, low_bits.take(at), value.take(at))
        self._exchange_excess(port, row, high, passed, self._radius.take(row))
        passed <<= low_bits
        passed[at] += low
        return passed

    def _exchange_excess(
        self,
        port: SymbolPort,
        row: NDArray[np.int64],
        high: NDArray[np.int64],
        passed: NDArray[np.int64],
        radius: NDArray[np.int64] | int,
    ) -> None:
        """Exchange the distances of escapes from the window, and add them to the values."""
        at = (np.abs(passed) > radius).nonzero()[0]
        if not at.size:
            return
        escaped = passed.take(at)
        # A reading port ignores this value, but it must be a number that can be coded.
        excess = np.maximum(np.abs(high.take(at)) - np.abs(escaped), 0)
        excess = _exchange_exp_golomb(port, self._escape_order.take(row.take(at)), excess)
        passed[at] = escaped + np.sign(escaped) * excess

    def bits(
        self, mean16: NDArray[np.int64], scale: NDArray[np.int64], codes: NDArray[np.int64]
    ) -> NDArray[np.float64]:
        """Return the code length in bits of each code; the three arrays broadcast."""
        nearest = mean16 + 8
        row = (scale << 4) | (nearest & 15)
        low_bits = self._low_bits.take(row)
        high = (codes - (nearest >> 4)) >> low_bits
        edge = WIDE_RADIUS + 1
        # One index into the flattened table is faster than two indices.
        window = row * self.window_bits.shape[1] + edge
        inside = high.clip(-edge, edge)
        bits: NDArray[np.float64] = self.window_bits.take(inside + window)
        bits += low_bits
        far = high != inside
        if far.any():
            order = np.broadcast_to(self._escape_order[row], far.shape)[far]
            first = np.broadcast_to(self._radius[row] + 1, far.shape)[far]
            excess = np.abs(high[far]) - first
            bits[far] += _exp_golomb_bits(order, excess) - _exp_golomb_bits(order, edge - first)
        return bits

    def _bits_in_window(self) -> NDArray[np.float64]:
        """Return the bits of hi = -15..15 for each row, without low bits, `(1024, 31) float64`."""
        edge = WIDE_RADIUS + 1
        high = np.arange(-edge, edge + 1)
        bits: NDArray[np.float64] = bits_of_count()[self._wide.astype(np.int64)]
        bits[: self._narrow_rows] = bits_of_count()[self._narrow.astype(np.int64)][
            :, np.clip(high, -NARROW_RADIUS - 1, NARROW_RADIUS + 1) + NARROW_RADIUS + 1
        ]
        excess = np.abs(high) - self._radius[:, None] - 1
        order = np.broadcast_to(self._escape_order[:, None], excess.shape)
        outside = excess >= 0
        bits[outside] += _exp_golomb_bits(order[outside], excess[outside])
        return bits


def _beyond_largest_code(codes: NDArray[np.int64]) -> bool:
    return bool(np.abs(codes).max(initial=0) > LARGEST_CODE)


def _exchange_window(
    port: SymbolPort,
    table: NDArray[np.float64],
    radius: int,
    row: NDArray[np.int64],
    high: NDArray[np.int64],
) -> NDArray[np.int64]:
    """Exchange numbers as symbols of one alphabet; larger ones than the radius become radius + 1."""
    edge = radius + 1
    return port.exchange(table, row, np.minimum(np.maximum(high, -edge), edge) + edge) - edge


def _exchange_raw(
    port: SymbolPort, bits: NDArray[np.int64], values: NDArray[np.int64]
) -> NDArray[np.int64]:
    """Exchange the lowest `bits[i]` bits of each value, high bits first, in chunks of at most four.

    Each round takes the next chunk of every value: first chunks of four bits, then of 3, 2, 1.
    """
    result = np.zeros_like(values)
    left = bits
    while largest := int(left.max(initial=0)):
        chunk = np.minimum(left, _CHUNK_BITS)
        left = left - chunk
        for size in range(min(largest, _CHUNK_BITS), 0, -1):
            at = (chunk == size).nonzero()[0]
            if at.size:
                symbols = (values[at] >> left[at]) & ((1 << size) - 1)
                rows = np.zeros(at.size, np.intp)
                result[at] = (result[at] << size) | port.exchange(_UNIFORM[size], rows, symbols)
    return result


def _exchange_exp_golomb(
    port: SymbolPort, order: NDArray[np.int64], excess: NDArray[np.int64]
) -> NDArray[np.int64]:
    """Exchange numbers of 0 or more in Exp-Golomb codes.

    With x = excess + 2^order, a code is a continue bit for each bit of x beyond order + 1, a stop bit,
    then the bits of x below its highest. Each round exchanges one prefix bit of every unfinished number.
    """
    x = excess + (1 << order)
    prefix = _bit_length(x) - 1 - order
    passed = np.zeros_like(prefix)
    still_open = np.arange(len(x))
    for length in range(LONGEST_PREFIX + 1):
        goes_on = (prefix[still_open] > length).astype(np.int64)
        goes_on = port.exchange(_UNIFORM[1], np.zeros(still_open.size, np.intp), goes_on)
        still_open = still_open[goes_on == 1]
        if not still_open.size:
            break
        passed[still_open] += 1
    else:
        raise LimitExceeded("an escape in a code stream is too long: the file is damaged.")
    mantissa_bits = passed + order
    mantissa = _exchange_raw(port, mantissa_bits, x)
    read: NDArray[np.int64] = mantissa + (1 << mantissa_bits) - (1 << order)
    return read


def _exp_golomb_bits(order: NDArray[np.int64], excess: NDArray[np.int64]) -> NDArray[np.float64]:
    """Return the length of Exp-Golomb codes in bits."""
    length = _bit_length(excess + (1 << order))
    return (2 * length - 1 - order).astype(np.float64)


def _bit_length(x: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return the bit length of positive integers below 2^53."""
    return np.frexp(x.astype(np.float64))[1].astype(np.int64)
