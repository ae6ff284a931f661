"""Encodes to a requested size, PSNR or MS-SSIM; for a large picture, settings are searched on an excerpt."""

from __future__ import annotations

from vqzip.codec.codec import Codec
from vqzip.codec.effort import DEFAULT_EFFORT
from vqzip.codec.encoder import Encoded
from vqzip.codec.excerpt import excerpt
from vqzip.codec.goal import Target, psnr_db
from vqzip.codec.progress import Estimate, Progress
from vqzip.codec.search import Search
from vqzip.errors import TargetUnreachable, UsageError
from vqzip.pictures.hidden import visible_pixels, with_hidden_filled
from vqzip.pictures.picture import Picture

__all__ = ["Target", "encode_to_target", "psnr_db"]

EXCERPT_FROM_PIXELS = 1 << 22
"""Settings for pictures with this many pixels are searched on an excerpt."""

MOST_UNUSED, UNUSED_DB = 0.9, 0.3
"""A file of a smaller share of the size, or with so much more PSNR, is far from the target."""

MOST_CORRECTIONS = 4
"""Number of encodes of the whole picture with settings from its excerpt."""

USUAL_TRIALS, USUAL_CORRECTIONS = 6, 3
"""Usual number of encodes of the whole picture, without and with an excerpt, for the progress."""

SLACKS_AT_LAST = 3
"""After them, a file that meets the target by so many times the slack is good enough."""


def encode_to_target(
    codec: Codec,
    picture: Picture,
    target: Target,
    *,
    effort: int,
    keep_hidden_colors: bool = False,
    progress: Progress | None = None,
) -> Encoded:
    """Encode a picture to a size, a PSNR or an MS-SSIM.

    For a size, the result is the largest file that fits, within 2 % if the model allows it. Otherwise it is the
    smallest file that was found. This takes 2 to 8 encodes, rarely more.

    Args:
        codec: of the model.
        picture: with its alpha and metadata, which count as bytes.
        target: what to reach.
        effort: 0 or 1; 0 does not search for a price of a bit once a quality meets the target, so the
            result is less close.
        keep_hidden_colors: keep the colors under alpha 0, and count them for a PSNR.
        progress: is called with the share of the encodes that are done, as far as it can be estimated.

    Raises:
        UsageError: the effort is not 0 or 1.
        TargetUnreachable: no setting of the model reaches it; the message says what is possible.
    """
    if effort not in (0, DEFAULT_EFFORT):
        raise UsageError("a size, a PSNR or an MS-SSIM can be reached with efforts 0 and 1 only.")
    visible = None if keep_hidden_colors else visible_pixels(picture)
    picture = picture if keep_hidden_colors else with_hidden_filled(picture)
    large = picture.width * picture.height >= EXCERPT_FROM_PIXELS
    work = Estimate(progress, USUAL_CORRECTIONS if large else USUAL_TRIALS)
    search = Search(codec, picture, target, visible, lambda: work.spend(1))
    if large:
        found = _by_excerpt(codec, search, work, closely=effort > 0)
        if found is not None:
            return found
    return search.run(closely=effort > 0)


def unused(
    codec: Codec,
    picture: Picture,
    target: Target,
    encoded: Encoded,
    *,
    keep_hidden_colors: bool = False,
) -> str | None:
    """Return one clause if the model has no setting near the target, because all of them meet it.

    Args:
        codec: of the model.
        picture: that was encoded.
        target: what was reached.
        encoded: from `encode_to_target`.
        keep_hidden_colors: as for `encode_to_target`.
    """
    name, size = codec.model.name, len(encoded.data)
    last = codec.model.config.vqvae.quality_steps - 1
    if target.max_bytes is not None:
        if encoded.codes.quality.eighths < last or size > MOST_UNUSED * target.max_bytes:
            return None
        return (
            f"the size allows {target.max_bytes} bytes, but the best file that {name} makes of this "
            f"picture has {size}"
        )
    if encoded.codes.quality.eighths > 0:
        return None
    visible = None if keep_hidden_colors else visible_pixels(picture)
    reached = target.reached_db(picture.pixels, codec.pixels_of_codes(encoded.codes), visible)
    if reached < target.distortion_db + UNUSED_DB:
        return None
    wanted = target.words(target.distortion_db)
    return (
        f"{wanted} was asked for, but even the smallest file of {name} has {target.words(reached)}"
    )


def _by_excerpt(codec: Codec, whole: Search, work: Estimate, *, closely: bool) -> Encoded | None:
    """Search on an excerpt of a large picture, and correct the difference on the whole picture.

    Returns:
        A file that meets the target closely; None if a search on the whole picture is needed.
    """
    picture, visible = excerpt(whole.picture, whole.visible)
    share = picture.pixels.size / whole.picture.pixels.size
    target = whole.target.for_share(share)
    small = Search(codec, picture, target, visible, lambda: work.spend(share))
    for _ in range(MOST_CORRECTIONS):
        try:
            guess = small.setting(closely=closely)
        except TargetUnreachable:
            return None
        trial = whole.attempt(guess.step, guess.price)
        whole.start = guess.step
        if whole.is_close() or (trial.excess <= 0 and not closely):
            return whole.best_file()
        # What the excerpt says is too good by as much as the whole picture was found to be worse.
        small.correct(trial.excess - guess.excess)
    return whole.best_file() if whole.is_close(SLACKS_AT_LAST) else None
