"""The search for a setting whose file meets a target.

Two dials are turned. The quality comes first, in eighths: one of them is about 5 % of the bytes. The
price of a bit then moves the file within such a step. Both are searched alike: a bracket between a
setting that meets the target and one that does not, narrowed by secants.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from vqzip.codec.codec import Codec
from vqzip.codec.encoder import Encoded
from vqzip.codec.goal import Target
from vqzip.errors import TargetUnreachable
from vqzip.pictures.picture import Picture
from vqzip.quality import Quality

LOWEST_PRICE, HIGHEST_PRICE = 0.02, 0.25
"""Beyond these prices another quality gives a better picture in as many bytes."""

ONLY_PRICES = 0.0, 1.0
"""The same for models of one quality, which have no other."""

MOST_PRICES, MOST_ONLY_PRICES = 4, 8
"""Encodes spent on the price of a bit, for models of many qualities and of one."""

MIDDLE_STEP = 24
_SECANTS = 4
"""Proposals of a search that follow the secant; any further ones halve the bracket."""


@dataclass(frozen=True)
class Trial:
    """A setting, the bytes of its file, and by how much that misses the target.

    An excess of 0 or less meets it.
    """

    step: int
    price: float
    bytes: int
    excess: float


@dataclass(frozen=True)
class Dial:
    """A number to be found: `inside` meets the target, `outside` does not (or was not tried)."""

    inside: float
    outside: float
    start: float
    slope: float
    whole: bool


class Search:
    """The encodes made for one target.

    Args:
        codec: of the model.
        picture: without colors under alpha 0 that count for nothing.
        target: what to reach.
        visible: `(H, W)`, the pixels that count for a PSNR; None for all.
        tried: is called after every encode.

    Attributes:
        start: the first quality that is tried, in eighths above 1.
    """

    def __init__(
        self,
        codec: Codec,
        picture: Picture,
        target: Target,
        visible: NDArray[np.bool_] | None,
        tried: Callable[[], None] = lambda: None,
    ) -> None:
        self._codec, self.target = codec, target
        self.picture, self.visible, self._tried = picture, visible, tried
        self._trials: list[Trial] = []
        # Files of large pictures are large in memory: only the best one is kept.
        self._file: Encoded | None = None
        self._correction = 0.0
        self.start = MIDDLE_STEP
        self._usual_price = codec.model.config.bit_price
        self._by_size = target.max_bytes is not None

    def run(self, *, closely: bool) -> Encoded:
        """Return the best file that meets the target."""
        self.setting(closely=closely)
        return self.best_file()

    def best_file(self) -> Encoded:
        """Return the best file that was made."""
        assert self._file is not None  # noqa: S101  a trial that met the target was made before
        return self._file

    def correct(self, excess: float) -> None:
        """Take all files to miss the target by so much more than was found."""
        moved = [replace(trial, excess=trial.excess + excess) for trial in self._trials]
        self._trials, self._correction = moved, self._correction + excess

    def setting(self, *, closely: bool) -> Trial:
        """Return the best trial that meets the target; what was tried before counts.

        Raises:
            TargetUnreachable: no setting of the model reaches it.
        """
        if self.is_close():
            return self._best()
        last = self._codec.model.config.vqvae.quality_steps - 1
        lowest, highest = (LOWEST_PRICE, HIGHEST_PRICE) if last else ONLY_PRICES
        met = self._turn(self._quality_dial(last), self._at_quality, most=last + 1)
        # Toward more bytes for a size, toward fewer for a PSNR.
        near, far = (highest, lowest) if self._by_size else (lowest, highest)
        if met is None:
            # Not even the extreme quality will do: its extreme price may.
            step = 0 if self._by_size else last
            if self.attempt(step, near).excess > 0:
                raise TargetUnreachable(self._what_is_possible())
            dial = self._price_dial(near, self._usual_price)
        else:
            step = round(met)
            dial = self._price_dial(self._usual_price, far)
        if closely:
            most = MOST_PRICES if last else MOST_ONLY_PRICES
            self._turn(dial, lambda price: self.attempt(step, price), most=most)
        return self._best()

    def _quality_dial(self, last: int) -> Dial:
        start = min(self.start, last)
        if self._by_size:
            return Dial(inside=-1, outside=last + 1, start=start, slope=0.05, whole=True)
        return Dial(inside=last + 1, outside=-1, start=start, slope=-0.28, whole=True)

    def _price_dial(self, inside: float, outside: float) -> Dial:
        slope = -2.5 if self._by_size else 12.0
        excess = self._best().excess
        start = inside - (excess + self.target.slack / 2) / slope
        return Dial(inside, outside, start, slope, whole=False)

    def _turn(self, dial: Dial, trial: Callable[[float], Trial], *, most: int) -> float | None:
        """Turn a dial; return the setting nearest to `outside` that met the target, if one did."""
        inside, outside, at, slope = dial.inside, dial.outside, dial.start, dial.slope
        met: float | None = None
        before: tuple[float, float] | None = None
        for number in range(most):
            if abs(outside - inside) <= (1 if dial.whole else 0.002) or self.is_close():
                break
            at = _strictly_between(at, inside, outside, whole=dial.whole)
            excess = trial(at).excess
            if excess > 0:
                outside = at
            else:
                inside = met = at
            if before is not None and math.isfinite(excess - before[1]):
                secant = (excess - before[1]) / (at - before[0])
                # A secant of the wrong sign says more of noise than of the picture.
                slope = secant if secant * dial.slope > 0 else dial.slope
            before = (at, excess)
            halve = number >= _SECANTS or not math.isfinite(excess)
            at = (inside + outside) / 2 if halve else at - (excess + self.target.slack / 2) / slope
        return met

    def _at_quality(self, step: float) -> Trial:
        return self.attempt(round(step), self._usual_price)

    def attempt(self, step: int, price: float) -> Trial:
        """Encode with a setting, or remember what came of it before."""
        for known in self._trials:
            if (known.step, known.price) == (step, price):
                return known
        encoded = self._codec.encode_picture(
            self.picture,
            quality=Quality(step).value,
            bit_price=price,
            # They were filled before, once for all trials.
            keep_hidden_colors=True,
        )
        size = len(encoded.data)
        excess = self.target.excess(size, lambda: self._reached_db(encoded)) + self._correction
        trial = Trial(step, price, size, excess)
        self._trials.append(trial)
        self._tried()
        if excess <= 0 and self._best() is trial:
            self._file = encoded
        return trial

    def _reached_db(self, encoded: Encoded) -> float:
        pixels = self._codec.pixels_of_codes(encoded.codes)
        return self.target.reached_db(self.picture.pixels, pixels, self.visible)

    def is_close(self, slacks: int = 1) -> bool:
        """Whether a trial meets the target by no more than so many times the slack."""
        return any(-slacks * self.target.slack <= trial.excess <= 0 for trial in self._trials)

    def _best(self) -> Trial:
        """Return the largest file for a size, the smallest for a PSNR, of those that meet it."""
        met = [trial for trial in self._trials if trial.excess <= 0]
        sign = -1 if self._by_size else 1
        return min(met, key=lambda trial: sign * trial.bytes)

    def _what_is_possible(self) -> str:
        name = self._codec.model.name
        if self._by_size:
            least = min(trial.bytes for trial in self._trials)
            return (
                f"{self.target.max_bytes} bytes are too few: the smallest file of this picture by "
                f"model {name} has {least}; ask for that many or reduce the picture."
            )
        best = self.target.distortion_db - min(trial.excess for trial in self._trials)
        wanted = self.target.psnr_db
        return (
            f"{'this MS-SSIM is too high' if wanted is None else f'{wanted:g} dB are too many'}: the best "
            f"that model {name} reaches for this picture is {self.target.words(best)}; ask for that much."
        )


def _strictly_between(at: float, inside: float, outside: float, *, whole: bool) -> float:
    """Return `at`, moved into the bracket and away from its ends."""
    margin = 1.0 if whole else abs(outside - inside) / 10
    low, high = min(inside, outside) + margin, max(inside, outside) - margin
    moved = min(max(at, low), high)
    return round(moved) if whole else moved
