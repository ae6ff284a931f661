"""Whole numbers keep every choice, and their sums are exact."""

from __future__ import annotations

import numpy as np
import pytest

from vqzip.codes import CodebookChoice
from vqzip.errors import CodingError
from vqzip.prior.fixed_point import whole_numbers


@pytest.mark.parametrize("size", [1e-6, 1.0, 1e5])
def test_distances_are_those_of_floats(size: float) -> None:
    rng = np.random.default_rng(1)
    z_e, codebooks = rng.normal(0, size, (64, 3, 5)), rng.normal(0, size, (1, 2, 50, 64))
    whole = whole_numbers(CodebookChoice(z_e, codebooks, 0.1))
    assert np.array_equal(whole.residuals, np.rint(whole.residuals))
    assert np.array_equal(whole.codewords, np.rint(whole.codewords))
    residual, codewords = whole.residuals[0, :, 1, 2], whole.codewords[0, 0]
    distances = ((residual - codewords) ** 2).sum(1) * whole.unit
    expected = ((z_e[:, 1, 2] - codebooks[0, 0]) ** 2).sum(1)
    assert distances == pytest.approx(expected, rel=1e-4)


def test_sums_in_any_order_are_exact() -> None:
    rng = np.random.default_rng(2)
    z_e, codebooks = rng.normal(0, 3, (1024, 1, 1)), rng.normal(0, 3, (1, 4, 8, 1024))
    whole = whole_numbers(CodebookChoice(z_e, codebooks, 0.1))
    residual, codewords = whole.residuals[0, :, 0, 0], whole.codewords[0, 0]
    integers = codewords.astype(int).astype(object) @ residual.astype(int).astype(object)
    for order in (np.arange(1024), rng.permutation(1024)):
        assert (codewords[:, order] @ residual[order]).tolist() == integers.tolist()
    largest = max(map(abs, integers)) + int(np.abs(codewords).max()) ** 2 * 1024
    assert 2 * largest < 2**53


def test_zeros_have_a_scale() -> None:
    whole = whole_numbers(CodebookChoice(np.zeros((4, 1, 1)), np.zeros((1, 1, 2, 4)), 0.1))
    assert not whole.residuals.any()


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_what_is_no_number_is_refused(bad: float) -> None:
    with pytest.raises(CodingError, match="finite"):
        whole_numbers(CodebookChoice(np.full((4, 1, 1), bad), np.ones((1, 1, 2, 4)), 0.1))
