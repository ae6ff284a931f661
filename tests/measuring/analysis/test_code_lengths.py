import math

import numpy as np
import pytest

from tests.support.made_codes import made_codes
from vqzip.codes import Codes
from vqzip.measuring.analysis.code_lengths import CodeLengthTally, overhead


def maps(*levels: list[list[int]]) -> Codes:
    """One row of codes a group."""
    return made_codes(tuple(np.array(level, np.int32)[:, None, None, :] for level in levels))


def test_uniform_codes_cost_their_logarithm() -> None:
    tally = CodeLengthTally()
    tally.add(4.0, maps([[0, 1, 2, 3]]), [12.0])
    (level,) = tally.levels()
    assert (level.quality, level.level, level.codes) == (4.0, 0, 4)
    assert level.order0_bits == pytest.approx(8)
    assert level.ratio == pytest.approx(1.5)


def test_histograms_gather_over_pictures_but_not_over_groups() -> None:
    tally = CodeLengthTally()
    # Each group has one code only in a picture; group 0 has two over both pictures.
    tally.add(4.0, maps([[0, 0], [7, 7]]), [1.0])
    tally.add(4.0, maps([[1, 1], [7, 7]]), [2.0])
    (level,) = tally.levels()
    assert level.order0_bits == pytest.approx(4)
    assert level.prior_bits == 3
    assert level.codes == 8


def test_levels_and_qualities_are_apart_and_sorted() -> None:
    tally = CodeLengthTally()
    for quality in (8.0, 1.0):
        tally.add(quality, maps([[0, 1]], [[2, 2, 2, 2]]), [2.0, 1.0])
    found = tally.levels()
    assert [(f.quality, f.level) for f in found] == [(1.0, 0), (1.0, 1), (8.0, 0), (8.0, 1)]
    assert [f.order0_bits for f in found] == [2, 0, 2, 0]
    assert math.isnan(found[1].ratio)


def test_overhead_takes_the_header_off() -> None:
    found = overhead([(148, 800.0), (253, 1600.0)])
    assert found.mean_percent == pytest.approx((0 + 2.5) / 2)
    assert found.max_percent == pytest.approx(2.5)
    assert (found.mean_bytes, found.max_bytes, found.files) == (50.5, 53, 2)


def test_overhead_of_nothing() -> None:
    assert math.isnan(overhead([]).mean_percent)
    assert math.isnan(overhead([(60, 0.0)]).max_percent)
