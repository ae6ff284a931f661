"""The table of VQ-VAE-2 (Razavi et al. 2019, table 1): how well prior and VQ-VAE generalize.

It has the negative log-likelihood of each level's codes under the prior, and the mean squared error of the
reconstruction, on training and validation pictures. If the two columns differ, a network has memorized its
training set. The likelihood is that of the integer prior, which codes files. Pictures are coded whole, so
the weight of a picture is its number of codes.

A second table compares with the float prior on the same codes.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from vqzip import metrics
from vqzip.codec.codec import Codec
from vqzip.codec.effort import DEFAULT_EFFORT
from vqzip.measuring.float_prior import BothPriors, PriorLengths, total_lengths
from vqzip.measuring.measure import Progress
from vqzip.measuring.report.tables import Table, number
from vqzip.measuring.source_pictures import (
    MAX_PIXELS,
    SourcePicture,
    find_pictures,
    read_plain,
    readable_pictures,
    spread,
)
from vqzip.measuring.subject import ONLY_QUALITY


@dataclass(frozen=True)
class LevelNll:
    """Negative log-likelihood of one level's codes.

    Args:
        level: 0 is the coarsest.
        stride: pixels a code spans in each direction.
        codes: number of measured codes.
        bits_per_code: mean of -log2 p.
        nats_per_code: mean of -ln p.
        priors: float and integer prior on the codes of whole context tiles.
    """

    level: int
    stride: int
    codes: int
    bits_per_code: float
    nats_per_code: float
    priors: PriorLengths


@dataclass(frozen=True)
class SplitNll:
    """Likelihood and distortion on one set of pictures.

    Args:
        pictures: number of measured pictures.
        levels: coarse first.
        priors: float and integer prior on all levels.
        mse: mean over pictures, on samples in [0, 1], of 8-bit decoded pictures.
        psnr_db: mean over pictures.
    """

    pictures: int
    levels: tuple[LevelNll, ...]
    priors: PriorLengths
    mse: float
    psnr_db: float


@dataclass(frozen=True)
class NllResult:
    """The table of one model at one quality: training and validation pictures."""

    model: str
    quality: float
    train: SplitNll
    valid: SplitNll


def measure_nll(
    codec: Codec,
    priors: BothPriors,
    train: Path,
    valid: Path,
    *,
    quality: float = ONLY_QUALITY[0],
    effort: int = DEFAULT_EFFORT,
    limit: int | None = 100,
    device: str = "cpu",
    max_pixels: int = MAX_PIXELS,
    progress: Progress | None = None,
    failed: dict[str, str] | None = None,
) -> NllResult:
    """Measure likelihood and distortion on training and validation pictures.

    Args:
        codec: of the model.
        priors: of the same model, from `float_prior.load_both`.
        train: folder that the model was trained on.
        valid: folder that it has not seen.
        quality: of the files; ignored by a model with one quality.
        effort: of the encoder.
        limit: at most this many pictures of each, evenly spaced over the folder; None for all.
        device: where the distortion is computed.
        max_pixels: larger pictures are refused.
        progress: called after each picture.
        failed: is given the names of pictures that cannot be read, with the reason.

    Raises:
        PictureError: no picture of a folder can be read.
        UsageError: a folder has no pictures.
    """
    unreadable = {} if failed is None else failed
    chosen = [
        readable_pictures(spread(find_pictures(folder), limit), unreadable, max_pixels)
        for folder in (train, valid)
    ]
    total = len(chosen[0]) + len(chosen[1])
    splits: list[SplitNll] = []
    for name, pictures in zip(("training", "validation"), chosen, strict=True):
        tally = _Tally(codec, priors)
        for source in pictures:
            tally.add(source, quality, effort, device, max_pixels)
            if progress is not None:
                done = len(tally.mse) + (splits[0].pictures if splits else 0)
                progress(done, total, f"{name} {source.name}")
        splits.append(tally.result())
    return NllResult(codec.model.name, tally.quality, splits[0], splits[1])


def nll_table(result: NllResult) -> Table:
    """Return a row for each level, and one for the distortion."""
    header = (
        "level",
        "stride",
        "train nats/code",
        "valid nats/code",
        "train bits/code",
        "valid bits/code",
        "train MSE",
        "valid MSE",
    )
    rows = [
        (
            str(a.level),
            str(a.stride),
            number(a.nats_per_code, 4),
            number(b.nats_per_code, 4),
            number(a.bits_per_code, 4),
            number(b.bits_per_code, 4),
            "",
            "",
        )
        for a, b in zip(result.train.levels, result.valid.levels, strict=True)
    ]
    rows.append(
        ("picture", "", "", "", "", "", f"{result.train.mse:.6f}", f"{result.valid.mse:.6f}")
    )
    title = (
        f"NLL of {result.model} at quality {result.quality:g}, "
        f"{result.train.pictures} training and {result.valid.pictures} validation pictures "
        "(MSE on [0, 1])"
    )
    return Table(title, header, tuple(rows))


def priors_table(result: NllResult) -> Table:
    """Return the cost of the integers: a row for each level, and one for all levels."""
    columns = ("float bits/code", "integer bits/code", "excess %")
    header = (
        "level",
        "stride",
        *(f"train {column}" for column in columns),
        *(f"valid {column}" for column in columns),
    )
    rows = [
        (str(a.level), str(a.stride), *_prior_cells(a.priors), *_prior_cells(b.priors))
        for a, b in zip(result.train.levels, result.valid.levels, strict=True)
    ]
    rows.append(("all", "", *_prior_cells(result.train.priors), *_prior_cells(result.valid.priors)))
    title = (
        f"Code length under the integer prior of {result.model} over that under its float prior, "
        f"at quality {result.quality:g} (whole context tiles)"
    )
    return Table(title, header, tuple(rows))


def _prior_cells(lengths: PriorLengths) -> tuple[str, str, str]:
    codes = lengths.codes or math.nan
    return (
        number(lengths.float_bits / codes, 4),
        number(lengths.integer_bits / codes, 4),
        number(lengths.excess_percent, 2),
    )


class _Tally:
    """Sums over one set of pictures."""

    def __init__(self, codec: Codec, priors: BothPriors) -> None:
        levels = codec.model.config.vqvae.levels
        self.codec, self.priors = codec, priors
        self.strides = [level.stride for level in levels]
        self.bits = [0.0] * len(levels)
        self.codes = [0] * len(levels)
        self.both: list[list[PriorLengths]] = [[] for _ in levels]
        self.mse: list[float] = []
        self.quality = math.nan

    def add(
        self, source: SourcePicture, quality: float, effort: int, device: str, max_pixels: int
    ) -> None:
        """Encode one picture and add it to the sums."""
        picture = read_plain(source, max_pixels)
        encoded = self.codec.encode_picture(picture, quality=quality, effort=effort)
        decoded = self.codec.decode_picture(encoded.data, max_pixels=max_pixels)
        self.quality = encoded.quality
        self.mse.append(metrics.mse(picture.pixels, decoded.pixels, device))
        for level, codes in enumerate(encoded.codes.levels):
            self.bits[level] += encoded.code_length_bits[level]
            self.codes[level] += codes.size
        both = self.priors.lengths(encoded.codes)
        for level, lengths in enumerate(both):
            self.both[level].append(lengths)

    def result(self) -> SplitNll:
        """Return the means."""
        both = [total_lengths(lengths) for lengths in self.both]
        levels = [
            LevelNll(i, stride, codes, bits / codes, bits / codes * math.log(2), lengths)
            for i, (stride, codes, bits, lengths) in enumerate(
                zip(self.strides, self.codes, self.bits, both, strict=True)
            )
        ]
        psnr = _mean([metrics.psnr_db(mse) for mse in self.mse])
        return SplitNll(len(self.mse), tuple(levels), total_lengths(both), _mean(self.mse), psnr)


def _mean(values: Sequence[float]) -> float:
    return sum(values) / len(values)
