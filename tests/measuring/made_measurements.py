"""Measurements whose BD-rates are known."""

from collections.abc import Mapping
from dataclasses import replace
from types import MappingProxyType

from vqzip.measuring.measure import Measurement, RdPoint

TWO_PICTURES = MappingProxyType({"a": 1.0, "b": 3.0})


def made(
    label: str,
    factor: float,
    ms_ssim: float | None = 0.99,
    *,
    pictures: Mapping[str, float] = TWO_PICTURES,
    settings: tuple[float, ...] = (0.0, 1.0, 2.0),
) -> Measurement:
    """Pictures of different sizes: the rate doubles from 8 bpp at setting 0, PSNR rises by 2 dB.

    Args:
        label: of the codec; its title is the same in capitals.
        factor: of all rates.
        ms_ssim: at setting 0; None for pictures that are too small.
        pictures: a further factor of each picture's rates.
        settings: of every picture.
    """
    points = [
        RdPoint(
            codec=label,
            setting=setting,
            picture=picture,
            payload_bytes=round(1000 * factor * scale * 2**setting),
            pixels=1000,
            rate_bpp=8 * factor * scale * 2**setting,
            bits_per_dim=8 * factor * scale * 2**setting / 3,
            mse=10 ** -(3 + 0.2 * setting),
            scores={
                "psnr": 30 + 2 * setting,
                "ms-ssim": None if ms_ssim is None else 1 - (1 - ms_ssim) / 2**setting,
            },
            encode_s=1.0,
            decode_s=3.0,
        )
        for picture, scale in pictures.items()
        for setting in settings
    ]
    return Measurement(label, label.upper(), settings, tuple(points), "made")


def with_scores(point: RdPoint, **scores: float | None) -> RdPoint:
    """Return a point with other scores; `ms_ssim` stands for `ms-ssim`."""
    changed = {name.replace("_", "-"): score for name, score in scores.items()}
    return replace(point, scores={**point.scores, **changed})
