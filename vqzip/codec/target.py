"""Files of a size or a PSNR that is asked for.

Two dials are turned. The quality comes first, in eighths: one of them is about 5 % of the bytes. The
price of a bit then moves the file within such a step. Both are searched alike: a bracket between a
setting that meets the target and one that does not, narrowed by secants.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from vqzip.codec.codec import Codec
from vqzip.codec.effort import DEFAULT_EFFORT
from vqzip.codec.encoder import Encoded
from vqzip.errors import TargetUnreachable, UsageError
from vqzip.pictures.hidden import visible_pixels, with_hidden_filled
from vqzip.pictures.picture import Picture
from vqzip.quality import Quality

LOWEST_PRICE, HIGHEST_PRICE = 0.02, 0.25
"""Beyond these prices another quality gives a better picture in as many bytes."""

ONLY_PRICES = 0.0, 1.0
"""The same for models of one quality, which have no other."""

SIZE_SLACK = math.log(1 / 0.98)
PSNR_SLACK_DB = 0.03
"""A file that meets the target by no more than this is good enough."""

MOST_PRICES, MOST_ONLY_PRICES = 4, 8
"""Encodes spent on the price of a bit, for models of many qualities and of one."""

MIDDLE_STEP = 24
_SECANTS = 4
"""Proposals of a search that follow the secant; any further ones halve the bracket."""


@dataclass(frozen=True)
class Target:
    """What a file has to be: one of the two, None stands for the other.

    Args:
        max_bytes: most bytes of the whole file.
        psnr_db: least PSNR of the decoded 8-bit pixels, over all channels but alpha, of the pixels that
            are not wholly transparent.

    Raises:
        UsageError: not exactly one is given, or it is not above 0.
    """

    max_bytes: int | None = None
    psnr_db: float | None = None

    def __post_init__(self) -> None:
        if (self.max_bytes is None) == (self.psnr_db is None):
            raise UsageError("a target is either a number of bytes or a PSNR; give one of them.")
        for goal in (self.max_bytes, self.psnr_db):
            if goal is not None and not 0 < goal < math.inf:
                raise UsageError(f"a target must be above zero, got {goal:g}.")

    @property
    def slack(self) -> float:
        """How far below 0 an excess may lie without being worth another encode."""
        return PSNR_SLACK_DB if self.max_bytes is None else SIZE_SLACK

    def excess(self, file_bytes: int, reached_db: Callable[[], float]) -> float:
        """Return by how much a file misses the target (0 or less: it meets it).

        Args:
            file_bytes: of the file.
            reached_db: computes its PSNR; not called for a size.

        Returns:
            Natural log of too many bytes, or missing decibels.
        """
        if self.max_bytes is not None:
            return math.log(file_bytes / self.max_bytes)
        return (self.psnr_db or 0.0) - reached_db()


@dataclass(frozen=True)
class _Trial:
    """A file, and by how much it misses the target (0 or less: it meets it)."""

    encoded: Encoded
    excess: float


@dataclass(frozen=True)
class _Dial:
    """A number to be found: `inside` meets the target, `outside` does not (or was not tried)."""

    inside: float
    outside: float
    start: float
    slope: float
    whole: bool


def encode_to_target(
    codec: Codec,
    picture: Picture,
    target: Target,
    *,
    effort: int,
    keep_hidden_colors: bool = False,
) -> Encoded:
    """Encode a picture to a size or a PSNR.

    A size is met with the most bytes that it allows, 2 % under it or closer when the model can; a
    PSNR with the smallest file that was found. It takes 2 to 8 encodes, rarely more.

    Args:
        codec: of the model.
        picture: with its alpha and metadata, which count as bytes.
        target: what to reach.
        effort: 0 or 1; 0 leaves out the search for a price of a bit once a quality meets the target, so
            that it is met less closely.
        keep_hidden_colors: code the colors under alpha 0 as they are, and count them for a PSNR.

    Raises:
        UsageError: the effort is another.
        TargetUnreachable: no setting of the model reaches it; the message says what is possible.
    """
    if effort not in (0, DEFAULT_EFFORT):
        raise UsageError("a size or a PSNR can be reached with efforts 0 and 1 only.")
    search = _Search(codec, picture, target, keep_hidden_colors=keep_hidden_colors)
    return search.run(closely=effort > 0)


def psnr_db(
    original: NDArray[np.uint8],
    decoded: NDArray[np.uint8],
    visible: NDArray[np.bool_] | None = None,
) -> float:
    """Return 10 log10(255^2 / MSE) over the samples that count; infinite where they are equal.

    Args:
        original: `(H, W)` or `(H, W, 3)`.
        decoded: of the same shape.
        visible: `(H, W)`, the pixels that count; None for all.
    """
    if visible is not None:
        original, decoded = original[visible], decoded[visible]
    error = np.square(original.astype(np.int32) - decoded).sum(dtype=np.int64)
    return 10 * math.log10(255**2 * original.size / error) if error else math.inf


class _Search:
    """The encodes made for one target."""

    def __init__(
        self, codec: Codec, picture: Picture, target: Target, *, keep_hidden_colors: bool
    ) -> None:
        self._codec, self._target = codec, target
        self._picture = picture if keep_hidden_colors else with_hidden_filled(picture)
        self._visible = None if keep_hidden_colors else visible_pixels(picture)
        self._trials: list[_Trial] = []
        self._usual_price = codec.model.config.bit_price
        self._by_size = target.max_bytes is not None

    def run(self, *, closely: bool) -> Encoded:
        """Return the best file that meets the target."""
        last = self._codec.model.config.vqvae.quality_steps - 1
        lowest, highest = (LOWEST_PRICE, HIGHEST_PRICE) if last else ONLY_PRICES
        met = self._turn(self._quality_dial(last), self._at_quality, most=last + 1)
        # Toward more bytes for a size, toward fewer for a PSNR.
        near, far = (highest, lowest) if self._by_size else (lowest, highest)
        if met is None:
            # Not even the extreme quality will do: its extreme price may.
            step = 0 if self._by_size else last
            if self._try(step, near).excess > 0:
                raise TargetUnreachable(self._what_is_possible())
            dial = self._price_dial(near, self._usual_price)
        else:
            step = round(met)
            dial = self._price_dial(self._usual_price, far)
        if closely:
            most = MOST_PRICES if last else MOST_ONLY_PRICES
            self._turn(dial, lambda price: self._try(step, price), most=most)
        return self._best().encoded

    def _quality_dial(self, last: int) -> _Dial:
        start = min(MIDDLE_STEP, last)
        if self._by_size:
            return _Dial(inside=-1, outside=last + 1, start=start, slope=0.05, whole=True)
        return _Dial(inside=last + 1, outside=-1, start=start, slope=-0.28, whole=True)

    def _price_dial(self, inside: float, outside: float) -> _Dial:
        slope = -2.5 if self._by_size else 12.0
        excess = self._best().excess
        start = inside - (excess + self._target.slack / 2) / slope
        return _Dial(inside, outside, start, slope, whole=False)

    def _turn(self, dial: _Dial, trial: Callable[[float], _Trial], *, most: int) -> float | None:
        """Turn a dial; return the setting nearest to `outside` that met the target, if one did."""
        inside, outside, at, slope = dial.inside, dial.outside, dial.start, dial.slope
        met: float | None = None
        before: tuple[float, float] | None = None
        for number in range(most):
            if abs(outside - inside) <= (1 if dial.whole else 0.002) or self._close():
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
            at = (inside + outside) / 2 if halve else at - (excess + self._target.slack / 2) / slope
        return met

    def _at_quality(self, step: float) -> _Trial:
        return self._try(round(step), self._usual_price)

    def _try(self, step: int, price: float) -> _Trial:
        encoded = self._codec.encode_picture(
            self._picture,
            quality=Quality(step).value,
            bit_price=price,
            # They were filled before, once for all trials.
            keep_hidden_colors=True,
        )
        excess = self._target.excess(len(encoded.data), lambda: self._psnr_db(encoded))
        trial = _Trial(encoded, excess)
        self._trials.append(trial)
        return trial

    def _psnr_db(self, encoded: Encoded) -> float:
        picture = self._picture
        pixels = self._codec.pixels_of_codes(encoded.codes)
        return psnr_db(picture.pixels, pixels, self._visible)

    def _close(self) -> bool:
        return any(-self._target.slack <= trial.excess <= 0 for trial in self._trials)

    def _best(self) -> _Trial:
        """Return the largest file for a size, the smallest for a PSNR, of those that meet it."""
        met = [trial for trial in self._trials if trial.excess <= 0]
        sign = -1 if self._by_size else 1
        return min(met, key=lambda trial: sign * len(trial.encoded.data))

    def _what_is_possible(self) -> str:
        name = self._codec.model.name
        if self._by_size:
            least = min(len(trial.encoded.data) for trial in self._trials)
            return (
                f"{self._target.max_bytes} bytes are too few: the smallest file of this picture by "
                f"model {name} has {least}; ask for that many or reduce the picture."
            )
        best = max(self._psnr_db(trial.encoded) for trial in self._trials)
        return (
            f"{self._target.psnr_db:g} dB are too many: the best that model {name} reaches for this "
            f"picture is {math.floor(best * 100) / 100:.2f} dB; ask for that much."
        )


def _strictly_between(at: float, inside: float, outside: float, *, whole: bool) -> float:
    """Return `at`, moved into the bracket and away from its ends."""
    margin = 1.0 if whole else abs(outside - inside) / 10
    low, high = min(inside, outside) + margin, max(inside, outside) - margin
    moved = min(max(at, low), high)
    return round(moved) if whole else moved
