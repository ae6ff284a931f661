from dataclasses import replace
from typing import Any

import pytest

from tests.measuring.made_measurements import made, with_scores
from vqzip.measuring.analysis.quality_scale import Violation, quality_scale, scale_table
from vqzip.measuring.measure import Measurement
from vqzip.measuring.metrics.known import DEFAULT_METRICS
from vqzip.measuring.metrics.metric import Metric
from vqzip.measuring.metrics.pixels import MS_SSIM, PSNR

QUALITIES = (1.0, 2.0, 2.5, 3.0, 5.0)
EVEN = made("even", 1, settings=QUALITIES)


def changed(picture: str, quality: float, **fields: Any) -> Measurement:
    """Return `EVEN` with other numbers in one of its points."""
    points = tuple(
        replace(point, **fields) if (point.picture, point.setting) == (picture, quality) else point
        for point in EVEN.points
    )
    return replace(EVEN, points=points)


def scored(picture: str, quality: float, **scores: float) -> Measurement:
    """Return `EVEN` with other scores in one of its points."""
    (point,) = (p for p in EVEN.points if (p.picture, p.setting) == (picture, quality))
    return changed(picture, quality, scores=with_scores(point, **scores).scores)


def violations(measurement: Measurement, metric: Metric = PSNR) -> list[Violation]:
    scale = quality_scale(measurement, metric)
    return [violation for step in scale for violation in step.violations]


def test_rates_and_ratios_of_whole_qualities() -> None:
    scale = quality_scale(EVEN, PSNR)
    assert [step.quality for step in scale] == [1.0, 2.0, 3.0, 5.0]
    assert [step.rate_bpp for step in scale] == pytest.approx([32, 64, 128, 512])
    assert [step.ratio for step in scale] == [None, pytest.approx(2), pytest.approx(2), None]
    assert [step.pictures for step in scale] == [0, 2, 2, 0]
    assert violations(EVEN) == violations(EVEN, MS_SSIM) == []


def test_a_file_that_does_not_grow() -> None:
    size = next(p.payload_bytes for p in EVEN.points if (p.picture, p.setting) == ("b", 2.0))
    same = changed("b", 3.0, payload_bytes=size)
    assert violations(same) == [Violation("b", 2.0, bytes_grow=False, metric_grows=True)]
    assert violations(changed("b", 3.0, payload_bytes=size + 1)) == []


def test_a_picture_that_does_not_get_better() -> None:
    same = scored("a", 2.0, psnr=32.0)  # as at quality 1
    assert violations(same) == [Violation("a", 1.0, bytes_grow=True, metric_grows=False)]
    assert violations(same, MS_SSIM) == []
    worse = scored("a", 2.0, ms_ssim=0.5)
    assert violations(worse) == []
    (found,) = violations(worse, MS_SSIM)
    assert found == Violation("a", 1.0, bytes_grow=True, metric_grows=False)


def test_a_picture_too_small_for_ms_ssim_still_has_to_grow() -> None:
    small = made("small", 1, None, settings=QUALITIES)
    assert violations(small, MS_SSIM) == []
    shrunk = tuple(replace(p, payload_bytes=1) if p.setting == 2.0 else p for p in small.points)
    found = violations(replace(small, points=shrunk), MS_SSIM)
    assert [(v.picture, v.bytes_grow, v.metric_grows) for v in found] == [
        ("a", False, True),
        ("b", False, True),
    ]


def test_table() -> None:
    table = scale_table([scored("a", 3.0, psnr=0.0)], DEFAULT_METRICS)
    assert table.rows == (
        ("EVEN", "1", "32.000", "-", "PSNR", "-"),
        ("EVEN", "2", "64.000", "2.00", "PSNR", "0 of 2"),
        ("EVEN", "3", "128.000", "2.00", "PSNR", "1 of 2"),
        ("EVEN", "5", "512.000", "-", "PSNR", "-"),
        ("EVEN", "all", "", "2.00", "PSNR", "1 of 4"),
    )
    (row, *_) = scale_table([replace(EVEN, own_metric="ms-ssim")], DEFAULT_METRICS).rows
    assert row[4] == "MS-SSIM"


def test_mean_ratio_is_geometric() -> None:
    tripled = tuple(
        replace(p, rate_bpp=4.5 * p.rate_bpp) if p.setting == 3.0 else p for p in EVEN.points
    )
    rows = scale_table([replace(EVEN, points=tripled)], DEFAULT_METRICS).rows
    assert [row[3] for row in rows] == ["-", "2.00", "9.00", "-", "4.24"]


@pytest.mark.parametrize("settings", [(4.0,), (2.0, 4.0, 6.0), (2.25, 2.5)])
def test_no_rows_without_neighboring_qualities(settings: tuple[float, ...]) -> None:
    assert scale_table([made("model", 1, settings=settings)], DEFAULT_METRICS).rows == ()
