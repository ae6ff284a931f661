"""The fits after training, from real encodes of validation pictures.

The steps of the qualities are fitted to file sizes, and the centroids of the grid to the codes that the
encoder chooses. Then the curve of the model card is measured from files and decoded pictures.
"""

from __future__ import annotations

import dataclasses
import json
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from vqzip.autoencoders.discrete import Vqvae
from vqzip.codec.codec import Codec
from vqzip.errors import TrainingError, UsageError
from vqzip.metrics import ms_ssim, mse, psnr_db, rate_bpp
from vqzip.models.config import ModelConfig
from vqzip.pictures.picture import Picture
from vqzip.quality import EVERY_QUALITY, WHOLE_STEPS, Quality, QualityConfig
from vqzip.training.centroids import CentroidFit, centroids_are_free, own_shifts
from vqzip.training.data.pictures import Pictures, readable_pixels
from vqzip.training.recipe.config import QualityTargets

Done = Callable[[], None]

LARGEST_SIDE = 768
"""Larger pictures are cropped, because each of the twelve is encoded more than a dozen times."""

FITTED_QUALITIES = (1.0, 2.75, 4.5, 6.25, 8.0)
LARGEST_STEP_CHANGE = 8.0
"""A fit that moves the ends of the scale by more than this factor is rejected."""


@dataclass(frozen=True)
class CurvePoint:
    """Means over the validation pictures, from files and decoded 8-bit pictures."""

    quality: float
    rate_bpp: float
    psnr_db: float
    ms_ssim: float | None


def validation_pictures(source: Pictures, align: int, most: int) -> list[Picture]:
    """Return up to `most` pictures spread over a source, center-cropped to whole cells.

    Pictures that cannot be read are replaced by others. A picture that is smaller than a cell stays as it is.

    Args:
        source: to choose from.
        align: side of a cell in pixels.
        most: number of pictures.

    Raises:
        TrainingError: none of them is usable.
    """
    spread = np.unique(np.linspace(0, len(source) - 1, most).astype(int)).tolist()
    others = sorted(set(range(len(source))) - set(spread))
    pictures: list[Picture] = []
    for number in [*spread, *others]:
        picture = _cut_picture(source, number, align)
        if picture is not None:
            pictures.append(picture)
        if len(pictures) == most:
            break
    if not pictures:
        raise TrainingError(
            "no picture to validate with can be read; give a folder of other pictures with `valid`."
        )
    return pictures


def _cut_picture(source: Pictures, number: int, align: int) -> Picture | None:
    """Return the center of a picture, or None if it cannot be read."""
    pixels = readable_pixels(source, number)
    if pixels is None:
        return None
    height, width = (
        side if side < align else min(side, LARGEST_SIDE) // align * align
        for side in pixels.shape[:2]
    )
    top, left = (pixels.shape[0] - height) // 2, (pixels.shape[1] - width) // 2
    return Picture(pixels[top : top + height, left : left + width].copy())


def measure(
    codec: Codec, pictures: Sequence[Picture], quality: float, done: Done = lambda: None
) -> CurvePoint:
    """Encode and decode the pictures at one quality; `done` is called after each."""
    rates, errors, similarities = [], [], []
    for picture in pictures:
        data = codec.encode_picture(picture, quality=quality).data
        original, decoded = _rgb(picture), _rgb(codec.decode_picture(data))
        rates.append(rate_bpp(len(data), picture.width * picture.height))
        errors.append(psnr_db(mse(original, decoded)))
        similarities.append(_similarity(original, decoded))
        done()
    known = [s for s in similarities if s is not None]
    return CurvePoint(
        quality,
        round(float(np.mean(rates)), 4),
        round(float(np.mean(errors)), 3),
        round(float(np.mean(known)), 5) if known else None,
    )


def measured_qualities(config: ModelConfig) -> list[float]:
    """Return all whole qualities of a model, or its only one."""
    return (
        [float(quality) for quality in range(1, WHOLE_STEPS + 2)] if config.has_qualities else [1.0]
    )


def measure_curve(
    codec: Codec, pictures: Sequence[Picture], done: Done = lambda: None
) -> list[CurvePoint]:
    """Measure a model at its whole qualities; `done` is called after each picture."""
    qualities = measured_qualities(codec.model.config)
    return [measure(codec, pictures, quality, done) for quality in qualities]


def _similarity(original: NDArray[np.uint8], decoded: NDArray[np.uint8]) -> float | None:
    try:
        return ms_ssim(original, decoded)
    except UsageError:  # an optional package; a model can be exported without it
        return None


def _rgb(picture: Picture) -> NDArray[np.uint8]:
    pixels = picture.pixels
    return np.repeat(pixels[:, :, None], 3, 2) if picture.is_gray else pixels


def fit_quality(
    codec: Codec,
    vqvae: Vqvae,
    pictures: Sequence[Picture],
    targets: QualityTargets,
    done: Done = lambda: None,
) -> tuple[QualityConfig, list[Tensor]]:
    """Return the scale of steps that gives the file sizes, and the centroids of every level.

    The centroids stay as they are if `centroids_are_free` is false.

    Args:
        codec: with a provisional scale of steps.
        vqvae: its networks.
        pictures: whose sides are whole cells of the coarsest level.
        targets: mean sizes of quality 1 and 8.
        done: called after each picture.

    Raises:
        TrainingError: the model has only one quality.
    """
    provisional = codec.model.config.vqvae.quality
    if provisional is None:
        raise TrainingError("a model with one quality has no scale to fit.")
    log_steps, log_rates = [], []
    centroids = CentroidFit(vqvae) if centroids_are_free(vqvae) else None
    for quality in FITTED_QUALITIES:
        rates = []
        for picture in pictures:
            encoded = codec.encode_picture(picture, quality=quality)
            rates.append(rate_bpp(len(encoded.data), picture.width * picture.height))
            if centroids is not None and not picture.is_gray:
                centroids.add(picture, encoded.codes)
            done()
        log_steps.append(math.log(provisional.step(Quality.of(quality))))
        log_rates.append(math.log(np.mean(rates)))
    shifts = own_shifts(vqvae) if centroids is None else centroids.shifts()
    return quality_scale(log_rates, log_steps, targets, provisional), shifts


def quality_scale(
    log_rates: Sequence[float],
    log_steps: Sequence[float],
    targets: QualityTargets,
    provisional: QualityConfig,
) -> QualityConfig:
    """Return the scale of steps that reaches the targets in equal ratios, from measured points.

    On logarithmic axes, the step is nearly a parabola of the rate: for real models, the ratios between
    whole qualities come out within 3 % of each other. If rates grow by a constant factor, the logarithm
    of the step is a parabola of the quality too, which is the form of `QualityConfig`. If the parabola
    bends back outside the points, as after a few steps of training, a line is used; if that fails too,
    the provisional scale stays.

    Args:
        log_rates: natural logarithm of bits per pixel.
        log_steps: natural logarithm of the step of each.
        targets: bits per pixel of quality 1 and 8.
        provisional: the scale used for measuring.
    """
    wanted = np.linspace(math.log(targets.lowest_bpp), math.log(targets.highest_bpp), 3)
    before = [math.log(provisional.step(end)) for end in (EVERY_QUALITY[0], EVERY_QUALITY[-1])]
    for degree in (2, 1):
        curve = np.polynomial.Polynomial.fit(log_rates, log_steps, degree)
        first, middle, last = curve(wanted).tolist()
        change = max(abs(first - before[0]), abs(last - before[1]))
        if first > last and change < math.log(LARGEST_STEP_CHANGE):
            return _scale_through(first, middle, last)
    return provisional


def _scale_through(first: float, middle: float, last: float) -> QualityConfig:
    """Return the scale whose steps have these natural logarithms at quality 1, 4.5 and 8.

    Only the ends are exact if steps would not fall everywhere between them.
    """
    log_ratio = (first - last) / WHOLE_STEPS
    straight = QualityConfig(round(math.exp(first), 3), round(math.exp(log_ratio), 5))
    if not first > middle > last:
        return straight
    half = WHOLE_STEPS / 2
    # At the middle the exponent of `QualityConfig` is half + bend * half**2.
    bend = ((first - middle) / log_ratio - half) / half**2
    bent = dataclasses.replace(straight, bend=round(bend, 5))
    return bent if bent.falls else straight


def curve_rows(points: Sequence[CurvePoint]) -> list[dict[str, float | None]]:
    """Return the points as plain rows for `curve.json`.

    JSON has no infinity: the PSNR of exactly decoded pictures, such as flat ones, is None.
    """
    rows = [dataclasses.asdict(point) for point in points]
    return [{key: _finite(value) for key, value in row.items()} for row in rows]


def curve_json(points: Sequence[CurvePoint]) -> str:
    """Return the text of `curve.json`."""
    return json.dumps(curve_rows(points), indent=1, allow_nan=False) + "\n"


def _finite(value: float | None) -> float | None:
    return value if value is not None and math.isfinite(value) else None
