"""The distribution of a sample: a mixture of logistic distributions, as boundaries in 2^24."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from vqzip.entropy.counts import exp2_table
from vqzip.prior.pixels.context import Context
from vqzip.prior.pixels.model import PixelPrior
from vqzip.prior.pixels.spec import MIXED, POINT_BITS, UNIT, WIDTHS
from vqzip.prior.spec import LARGEST_ACTIVATION

_LARGEST_OUTPUT = 4095
_EDGE = 1 << 18


@dataclass(frozen=True)
class Mixture:
    """A mixture of three logistic distributions.

    Args:
        weights: of sum 2^16.
        means: in 1/64.
        narrowness: 2^32 divided by the width in 1/64.
        symbols: 2^depth.
        logistic: the table of the prior.
        repeated: a symbol that has more probability.
        share: its additional probability, in 2^-16.
    """

    weights: tuple[int, ...]
    means: tuple[int, ...]
    narrowness: tuple[int, ...]
    symbols: int
    logistic: NDArray[np.int64]
    repeated: int = 0
    share: int = 0

    def boundary(self, symbol: int) -> int:
        """Return where a symbol begins in 0..2^24; each has at least 1."""
        repeated = self.share << POINT_BITS if symbol > self.repeated else 0
        below = (self.below(symbol) * ((1 << 16) - self.share) + repeated) >> 16
        return symbol + (below * ((1 << POINT_BITS) - self.symbols) >> POINT_BITS)

    def below(self, symbol: int) -> int:
        """Return the probability of the smaller symbols in 2^-24, without the one that repeats."""
        if symbol <= 0 or symbol >= self.symbols:
            return 0 if symbol <= 0 else 1 << POINT_BITS
        total = 0
        for weight, mean, narrowness in zip(self.weights, self.means, self.narrowness, strict=True):
            distance = (symbol * UNIT - UNIT // 2 - mean) * narrowness >> 18
            entry, rest = divmod(max(-_EDGE, min(_EDGE - 1, distance)) + _EDGE, 256)
            low, high = self.logistic[entry : entry + 2].tolist()
            total += weight * (low + ((high - low) * rest >> 8))
        return total >> 16

    def find(self, point: int) -> int:
        """Return the symbol whose boundaries enclose a point."""
        low, high = 0, self.symbols
        while high - low > 1:
            middle = (low + high) // 2
            if point < self.boundary(middle):
                high = middle
            else:
                low = middle
        return low


def mixture_of(prior: PixelPrior, plane: int, context: Context, depth: int) -> Mixture:
    """Run the network of a plane and return what it says of a sample."""
    values = np.array(context.features, np.int64)
    for number, layer in enumerate(prior.networks[plane]):
        values = (values @ layer.weight.astype(np.int64) + layer.bias) >> layer.shift
        if number < 2:
            values = np.clip(
                np.where(values < 0, values >> 3, values), -LARGEST_ACTIVATION, LARGEST_ACTIVATION
            )
    outputs = [max(-_LARGEST_OUTPUT, min(_LARGEST_OUTPUT, value)) for value in values.tolist()]
    logits, offsets, widths = (outputs[n * MIXED : (n + 1) * MIXED] for n in range(3))
    below = [max(logits) - logit for logit in logits]
    shares = [int(exp2_table()[b & 255]) >> (b >> 8) for b in below]
    weights = [(share << 16) // sum(shares) for share in shares]
    weights[0] = (1 << 16) - sum(weights[1:])
    deviation = int(prior.deviation[context.expected])
    means = [context.prediction + (offset * deviation >> 8) for offset in offsets]
    entries = [2 * context.expected + (width >> 5) for width in widths]
    narrowness = [int(prior.narrowness[max(8, min(WIDTHS - 1, entry))]) for entry in entries]
    return Mixture(tuple(weights), tuple(means), tuple(narrowness), 1 << depth, prior.logistic)
