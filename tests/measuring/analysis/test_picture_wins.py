from dataclasses import replace

import pytest

from tests.measuring.made_measurements import made, with_scores
from vqzip.measuring.analysis.comparisons import Comparison, compare
from vqzip.measuring.analysis.picture_wins import (
    Share,
    extremes_table,
    share_smaller,
    smaller_table,
    standings,
)
from vqzip.measuring.measure import Measurement
from vqzip.measuring.metrics.known import DEFAULT_METRICS
from vqzip.measuring.metrics.pixels import MS_SSIM, PSNR

EVEN = dict.fromkeys("abcd", 1.0)
MODEL = made("model", 1, pictures={"a": 0.5, "b": 0.5, "c": 1.5, "d": 0.8})
JPEG = made("jpeg", 1, pictures=EVEN)
WEBP = made("webp", 1, pictures={"a": 0.75, "b": 0.25, "c": 2.0, "d": 1.2})
TITLES = {"model": "MODEL", "jpeg": "JPEG", "webp": "WEBP"}


def comparisons(*pairs: tuple[Measurement, Measurement]) -> list[Comparison]:
    return [compare(codec, reference, m) for codec, reference in pairs for m in DEFAULT_METRICS]


AGAINST_BOTH = comparisons((MODEL, JPEG), (MODEL, WEBP))


def by_psnr(*references: Measurement, model: Measurement = MODEL) -> list[Comparison]:
    return [compare(model, reference, PSNR) for reference in references]


def test_share_of_pictures_that_are_smaller() -> None:
    assert share_smaller(by_psnr(JPEG)) == Share(3, 4, 1.0)  # a, b, d
    assert share_smaller(by_psnr(WEBP)) == Share(3, 4, 1.0)  # a, c, d
    assert share_smaller(by_psnr(JPEG, WEBP)) == Share(2, 4, 1.0)  # a, d


def test_equal_is_not_smaller() -> None:
    assert share_smaller(by_psnr(JPEG, model=made("same", 1, pictures=EVEN))).smaller == 0


def test_pictures_without_a_bd_rate_are_not_counted() -> None:
    points = tuple(
        with_scores(p, psnr=(p.scores["psnr"] or 0) + 20) if p.picture == "a" else p
        for p in WEBP.points
        if p.picture != "b"
    )
    odd = replace(WEBP, points=points)  # "a" out of the model's reach, no "b"
    assert share_smaller(by_psnr(odd)) == Share(2, 2, 1.0)  # c, d
    assert share_smaller(by_psnr(JPEG, odd)) == Share(1, 2, 1.0)  # d
    beyond = made("beyond", 1, pictures=EVEN, settings=(7.0, 8.0))
    assert share_smaller(by_psnr(beyond)) == share_smaller([]) == Share(0, 0, 0.0)


def test_table_of_smaller_pictures() -> None:
    assert smaller_table(AGAINST_BOTH, DEFAULT_METRICS, TITLES).rows == (
        ("MODEL", "JPEG", "3 of 4 (75 %)", "3 of 4 (75 %)"),
        ("MODEL", "WEBP", "3 of 4 (75 %)", "3 of 4 (75 %)"),
        ("MODEL", "all of them", "2 of 4 (50 %)", "2 of 4 (50 %)"),
    )


def test_one_anchor_needs_no_row_for_all() -> None:
    (row,) = smaller_table(comparisons((MODEL, JPEG)), DEFAULT_METRICS, TITLES).rows
    assert row[1] == "JPEG"


def test_marks_and_gaps_of_the_table() -> None:
    blurred = made("jpeg", 1, None, pictures=EVEN, settings=(-3.0, -2.0, 1.0))  # 24 to 32 dB
    (row,) = smaller_table(comparisons((MODEL, blurred)), DEFAULT_METRICS, TITLES).rows
    assert row[2:] == ("3 of 4 (75 %)!", "-")


def test_standings_are_beside_the_best_anchor_of_each_picture() -> None:
    found = standings("model", ("jpeg", "webp"), PSNR, AGAINST_BOTH + comparisons((WEBP, JPEG)))
    assert [(s.picture, s.best_anchor) for s in found] == [
        ("a", "webp"),
        ("d", "jpeg"),
        ("b", "webp"),
        ("c", "jpeg"),
    ]
    assert [s.percent for s in found] == pytest.approx([-50, -20, -50, 50])
    assert [s.best_percent for s in found] == pytest.approx([-25, 0, -75, 0])
    assert [s.behind for s in found] == pytest.approx([-25, -20, 25, 50])


def test_the_first_anchor_alone_is_the_best() -> None:
    found = standings("model", ("jpeg",), PSNR, comparisons((MODEL, JPEG)))
    assert [s.picture for s in found] == ["a", "b", "d", "c"]
    assert {(s.best_anchor, s.best_percent) for s in found} == {("jpeg", 0.0)}


def test_standings_go_by_the_metric_asked_for() -> None:
    small = comparisons((made("model", 1, None, pictures=EVEN), JPEG))
    assert len(standings("model", ("jpeg",), PSNR, small)) == 4
    assert standings("model", ("jpeg",), MS_SSIM, small) == ()


@pytest.mark.parametrize(
    ("pictures", "ranks"), [(8, [1, 2, 3, 6, 7, 8]), (5, [1, 2, 3, 4, 5]), (2, [1, 2]), (0, [])]
)
def test_best_and_worst_pictures_appear_once(pictures: int, ranks: list[int]) -> None:
    names = [f"p{i}" for i in range(pictures)]
    model = made("model", 1, pictures={name: 0.5 + 0.1 * i for i, name in enumerate(names)})
    anchor = made("jpeg", 1, pictures=dict.fromkeys(names, 1.0))
    ranked = standings("model", ("jpeg",), PSNR, comparisons((model, anchor)))
    table = extremes_table([ranked], "jpeg", TITLES)
    assert [row[1:3] for row in table.rows] == [(f"{r} of {pictures}", f"p{r - 1}") for r in ranks]
    if table.rows:
        assert table.rows[0][3:] == ("PSNR", "-50.0", "JPEG", "+0.0", "-50.0")
