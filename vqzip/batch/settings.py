"""How files are encoded and decoded: the settings of a call that are the same for all of its files."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path

from vqzip.codec.effort import DEFAULT_EFFORT
from vqzip.codec.goal import Target, target_like
from vqzip.codec.reduced import check_reduction
from vqzip.errors import UsageError
from vqzip.pictures.hidden import visible_pixels
from vqzip.pictures.limits import MAX_PIXELS
from vqzip.pictures.picture import Picture
from vqzip.pictures.read import read_file

Permission = Callable[[], AbstractContextManager[object]]
"""Returns a context in which a file may be written."""

Room = Callable[[int], AbstractContextManager[object]]
"""Returns a context in which there is memory for a picture of so many pixels."""


@dataclass(frozen=True)
class EncodeSettings:
    """How pictures are encoded; of the first six at most one is given.

    Args:
        quality: 1.0 to 8.0 by eighths; None for the default.
        bpp: most bits per pixel.
        max_bytes: most bytes of a file.
        psnr: least PSNR in dB.
        ms_ssim: least MS-SSIM.
        match: path of another file of the picture; the result is no worse.
        match_by_ms_ssim: whether that is compared by MS-SSIM, not PSNR.
        effort: 0 to 3.
        verify: decode the written file and compare its codes.
        strip: leave out metadata; colors become sRGB.
        strict: refuse pictures that are not kept fully.
        lossless: refuse pictures whose samples are not all kept.
        keep_hidden_colors: keep colors under alpha 0.
        keep_times: give the output the times of the input.
        max_pixels: refuse larger pictures.
        force: replace existing files.
        delete_source: delete the source after the written file was decoded. The source of a picture that is
            not kept fully stays.
    """

    quality: float | None = None
    bpp: float | None = None
    max_bytes: int | None = None
    psnr: float | None = None
    ms_ssim: float | None = None
    match: Path | None = None
    match_by_ms_ssim: bool = False
    effort: int = DEFAULT_EFFORT
    verify: bool = False
    strip: bool = False
    strict: bool = False
    lossless: bool = False
    keep_hidden_colors: bool = False
    keep_times: bool = False
    max_pixels: int = MAX_PIXELS
    force: bool = False
    delete_source: bool = False

    @property
    def has_target(self) -> bool:
        """Whether a size or a likeness is asked for, not a quality."""
        goals = (self.match, self.bpp, self.max_bytes, self.psnr, self.ms_ssim)
        return any(goal is not None for goal in goals)

    def target(self, picture: Picture) -> Target:
        """Return the target for a picture, where there is one.

        Raises:
            VqzipError: there is a file to match, and it is not one of this picture.
        """
        if self.match is not None:
            found = read_file(self.match, max_pixels=self.max_pixels)
            other = (found.stripped() if self.strip else found).picture
            visible = None if self.keep_hidden_colors else visible_pixels(picture)
            by_ms_ssim = self.match_by_ms_ssim
            return target_like(picture.pixels, other.pixels, visible, by_ms_ssim=by_ms_ssim)
        max_bytes = self.max_bytes
        if self.bpp is not None:
            max_bytes = int(self.bpp * picture.width * picture.height / 8)
        return Target(max_bytes, self.psnr, self.ms_ssim)


@dataclass(frozen=True)
class DecodeSettings:
    """How files are decoded.

    Args:
        levels: decode only this many levels.
        reduction: 1, 2, 4, 8, 16 or 32, by which sides are divided.
        partial: decode what is left of a truncated file.
        region: left, top, width and height of the part to decode.
        quality: of JPEG, WebP, AVIF and JPEG 2000, 1 to 100; None for the best.
        strip: leave out metadata; colors become sRGB.
        keep_times: give the output the times of the input.
        max_pixels: refuse larger pictures.
        force: replace existing files.
    """

    levels: int | None = None
    partial: bool = False
    region: tuple[int, int, int, int] | None = None
    quality: int | None = None
    strip: bool = False
    keep_times: bool = False
    max_pixels: int = MAX_PIXELS
    force: bool = False
    reduction: int = 1

    def __post_init__(self) -> None:
        check_reduction(self.reduction)
        if self.reduction > 1 and self.region is not None:
            raise UsageError("`reduction` works without `region`; leave one of them out.")
