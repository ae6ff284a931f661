"""Samples that repeat a neighbor: how often they do so is learned on the way.

Flat parts, and colors that JPEG has coarsened, repeat values more often than a smooth distribution says.
"""

from __future__ import annotations

from dataclasses import dataclass

from vqzip.prior.pixels.context import Tile
from vqzip.prior.pixels.mixture import Mixture
from vqzip.prior.pixels.spec import FIRST_SHARE, LEAST_SHARE, OWN, REPEATS, SLOWEST

_ONE = 1 << 16


@dataclass
class Repeat:
    """The samples of one kind of neighborhood.

    Args:
        share: of the repeated ones, in 2^-16.
        count: of the samples so far, up to 30.
    """

    share: int = FIRST_SHARE
    count: int = 0

    def learn(self, mixture: Mixture, sample: int) -> None:
        """Move the share toward the probability that the sample was a repeated one."""
        posterior = 0
        if sample == mixture.repeated:
            other = mixture.below(sample + 1) - mixture.below(sample)
            both = (mixture.share << 24) + (_ONE - mixture.share) * other
            posterior = (mixture.share << 40) // both
        step = abs(posterior - self.share) // (self.count + 2)
        moved = self.share + (step if posterior >= self.share else -step)
        self.share = max(LEAST_SHARE, min(_ONE - LEAST_SHARE, moved))
        self.count = min(self.count + 1, SLOWEST - 2)


class Repeats:
    """The shares of a plane, one for each kind of neighborhood."""

    def __init__(self) -> None:
        self._of = [Repeat() for _ in range(REPEATS)]

    def find(
        self, tile: Tile, plane: int, y: int, x: int, base: int, symbols: int
    ) -> tuple[Repeat, int]:
        """Return the share that counts for a sample, and the sample that may repeat."""
        left, above, corner, right, far = tile.samples(plane, y, x, OWN[:5])
        median = sorted((left, above, left + above - corner))[1]
        kind = (left == above) + 2 * (left == corner) + 4 * (above == right) + 8 * (left == far)
        if plane:
            here, before = tile.samples(0, y, x, ((0, 0), (0, -1)))
            kind += 16 * (here != before)
        return self._of[kind], max(0, min(symbols - 1, median + base))
