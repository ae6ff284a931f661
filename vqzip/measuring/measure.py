"""Rate and distortion of codecs, picture by picture, on real files.

Every point is a picture that was encoded to bytes and decoded from these bytes alone. Its rate is their
number, headers included, and its distortion is that of the decoded 8-bit picture.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, replace

from vqzip import metrics as rates
from vqzip.errors import PictureError, UsageError, VqzipError
from vqzip.measuring.analysis.code_lengths import (
    CodeLengthTally,
    LevelCodeLength,
    Overhead,
    overhead,
)
from vqzip.measuring.metrics.known import DEFAULT_METRICS
from vqzip.measuring.metrics.metric import Metric, Pair, seen_pair
from vqzip.measuring.source_pictures import MAX_PIXELS, SourcePicture, read_visible
from vqzip.measuring.subject import CodeLengths, Subject
from vqzip.pictures.picture import Picture

Progress = Callable[[int, int, str], None]
"""Called after each file with the number of files done, the total, and the last file."""


@dataclass(frozen=True)
class RdPoint:
    """One picture, encoded by one codec at one setting.

    Args:
        codec: name of the subject.
        setting: the model's quality, or the setting of the other codec.
        picture: path below the folder that was measured.
        payload_bytes: size of the file.
        pixels: width times height.
        rate_bpp: bits of the file per pixel.
        bits_per_dim: bits of the file per sample (three in a pixel, one if gray).
        mse: on samples in [0, 1].
        scores: by name of the metric; None for pictures that are too small for it.
        encode_s: seconds from pixels to bytes.
        decode_s: seconds from bytes to pixels.
        code_length_bits: of each level under the model's prior; empty for other codecs.
        codes_equal: whether the file's codes are those that were encoded; None for other codecs.
    """

    codec: str
    setting: float
    picture: str
    payload_bytes: int
    pixels: int
    rate_bpp: float
    bits_per_dim: float
    mse: float
    scores: dict[str, float | None]
    encode_s: float
    decode_s: float
    code_length_bits: tuple[float, ...] = ()
    codes_equal: bool | None = None


@dataclass(frozen=True)
class Measurement:
    """All points of one codec.

    Args:
        label: `codec` of all its points.
        title: for tables and plots.
        settings: in the order measured.
        points: grouped by picture.
        description: version of the encoder and its options, or the model's name and effort.
        levels: prior against order 0; empty for other codecs.
        overhead: of the files over their code lengths; None for other codecs.
        own_metric: name of what a model was trained for; PSNR for other codecs.
    """

    label: str
    title: str
    settings: tuple[float, ...]
    points: tuple[RdPoint, ...]
    description: str
    levels: tuple[LevelCodeLength, ...] = ()
    overhead: Overhead | None = None
    own_metric: str = "psnr"

    @property
    def has_curve(self) -> bool:
        """Whether several settings were measured; a single point has no BD-rate."""
        return len(self.settings) > 1


@dataclass(frozen=True)
class Sight:
    """One file while it is measured.

    Args:
        subject: its codec.
        picture: name of the picture.
        original: as it was encoded.
        setting: of the codec.
        data: the file.
        decoded: the picture in it.
    """

    subject: Subject
    picture: str
    original: Picture
    setting: float
    data: bytes
    decoded: Picture


def measure(
    subject: Subject,
    pictures: Sequence[SourcePicture],
    *,
    metrics: Sequence[Metric] = DEFAULT_METRICS,
    settings: Sequence[float] | None = None,
    device: str = "cpu",
    max_pixels: int = MAX_PIXELS,
    progress: Progress | None = None,
    failed: dict[str, str] | None = None,
    seen: Callable[[Sight], None] | None = None,
) -> Measurement:
    """Encode and decode pictures with a codec at its settings.

    Args:
        subject: a model or another codec.
        pictures: from `find_pictures`.
        metrics: from `find_metrics`.
        settings: None for the subject's own settings; use these for BD-rates.
        device: where metrics are computed.
        max_pixels: larger pictures are refused.
        progress: called after each file.
        failed: is given the names of pictures that cannot be coded, with the reason; they have no
            points. None raises what is the matter.
        seen: is called with every file.

    Raises:
        PictureError: a picture cannot be read or coded, or none of them can.
        UsageError: a package or device is missing.
    """
    for metric in metrics:
        metric.check()
    settings = tuple(settings or subject.settings)
    tally = CodeLengthTally()
    points: list[RdPoint] = []
    for number, source in enumerate(pictures):
        own: list[RdPoint] = []
        lengths: list[CodeLengths] = []
        try:
            picture, visible = read_visible(source, max_pixels)
            for setting in settings:
                coded = _code(subject, picture, setting)
                pair = seen_pair(picture.pixels, coded.decoded.pixels, device, visible)
                scores = {metric.name: metric.score(pair) for metric in metrics}
                own.append(_point(subject, source.name, coded, pair, scores))
                lengths += [] if coded.lengths is None else [coded.lengths]
                if seen is not None:
                    found = coded.setting, coded.data, coded.decoded
                    seen(Sight(subject, source.name, picture, *found))
                if progress is not None:
                    what = f"{subject.name} {setting:g} {source.name}"
                    done = number * len(settings) + len(own)
                    progress(done, len(pictures) * len(settings), what)
        except VqzipError as error:
            # Wrong usage is no matter of one picture.
            if failed is None or isinstance(error, UsageError):
                raise
            failed[source.name] = str(error)
            continue
        points += own
        for length in lengths:
            tally.add(length.quality, length.codes, length.bits)
    if pictures and not points and failed is not None:
        raise PictureError(f"{subject.name} can code no picture: {failed[pictures[-1].name]}")
    return _measurement(subject, points, tally)


def _measurement(subject: Subject, points: list[RdPoint], tally: CodeLengthTally) -> Measurement:
    """Return the points of a codec with what its code lengths show."""
    known = [(p.payload_bytes, sum(p.code_length_bits)) for p in points if p.code_length_bits]
    return Measurement(
        label=subject.name,
        title=subject.title,
        settings=tuple(dict.fromkeys(point.setting for point in points)),
        points=tuple(points),
        description=subject.describe(),
        levels=tally.levels(),
        overhead=overhead(known) if known else None,
        own_metric=subject.own_metric,
    )


def without_pictures(measurement: Measurement, names: Collection[str]) -> Measurement:
    """Return a measurement without the points of some pictures, which another codec cannot code."""
    kept = tuple(point for point in measurement.points if point.picture not in names)
    return replace(measurement, points=kept)


@dataclass(frozen=True)
class _Coded:
    """A file, the picture decoded from it, and the seconds for both."""

    setting: float
    data: bytes
    decoded: Picture
    encode_s: float
    decode_s: float
    lengths: CodeLengths | None
    codes_equal: bool | None


def _code(subject: Subject, picture: Picture, setting: float) -> _Coded:
    """Encode a picture and decode it."""
    start = time.perf_counter()
    coded = subject.encode(picture, setting)
    between = time.perf_counter()
    decoded = subject.decode(coded.data)
    end = time.perf_counter()
    lengths, equal = coded.code_lengths, None
    if lengths is not None:
        codes = subject.decode_codes(coded.data)
        equal = codes is not None and codes.equals(lengths.codes)
    return _Coded(
        coded.setting, coded.data, decoded, between - start, end - between, lengths, equal
    )


def _point(
    subject: Subject, name: str, coded: _Coded, pair: Pair, scores: dict[str, float | None]
) -> RdPoint:
    height, width = pair.original.shape[:2]
    pixels = height * width
    return RdPoint(
        codec=subject.name,
        setting=coded.setting,
        picture=name,
        payload_bytes=len(coded.data),
        pixels=pixels,
        rate_bpp=rates.rate_bpp(len(coded.data), pixels),
        bits_per_dim=rates.bits_per_dim(len(coded.data), pixels, pair.original.size // pixels),
        mse=pair.mse,
        scores=scores,
        encode_s=coded.encode_s,
        decode_s=coded.decode_s,
        code_length_bits=() if coded.lengths is None else coded.lengths.bits,
        codes_equal=coded.codes_equal,
    )
