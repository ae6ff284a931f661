import hashlib
from fractions import Fraction

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from vqzip.entropy.counts import TOTAL, bits_of_count, counts_from_logits, exp2_table


def test_exp2_table_is_pinned() -> None:
    digest = hashlib.sha256(exp2_table().astype("<i8").tobytes()).hexdigest()
    assert digest == "b95ddba4d2234ff6f2a5f324bc10a4bec360e3cc554eef8e107a4101c3c2ac87"


def test_exp2_table_rounds_down() -> None:
    for fraction, entry in enumerate(exp2_table().tolist()):
        # entry <= 2^(30 - f/256) < entry + 1, without a float.
        power = 1 << (30 * 256 - fraction)
        assert entry**256 <= power < (entry + 1) ** 256


@given(st.lists(st.integers(-(2**40), 2**40), min_size=1, max_size=40))
def test_counts_are_a_distribution(logits: list[int]) -> None:
    counts = counts_from_logits(np.array([logits], np.int64))
    assert counts.min() >= 1
    assert counts.sum() == TOTAL


@given(st.lists(st.integers(-(2**16), 2**16), min_size=1, max_size=20))
def test_counts_equal_python_integers(logits: list[int]) -> None:
    clipped = [max(-32767, min(32767, logit)) for logit in logits]
    table = exp2_table().tolist()
    weights = []
    for logit in clipped:
        below = max(clipped) - logit
        weights.append(table[below % 256] >> (below // 256))
    expected = [1 + weight * (TOTAL - len(logits)) // sum(weights) for weight in weights]
    expected[expected.index(max(expected))] += TOTAL - sum(expected)
    assert counts_from_logits(np.array([logits], np.int64))[0].tolist() == expected


def test_what_is_left_goes_to_the_first_of_the_largest() -> None:
    counts = counts_from_logits(np.zeros((1, 3), np.int64))
    assert counts.tolist() == [[21846, 21845, 21845]]


def test_the_largest_alphabet_still_has_counts() -> None:
    counts = counts_from_logits(np.arange(32768)[None] % 7 * 256)
    assert counts.min() >= 1
    assert counts.sum() == TOTAL


def test_bits_of_count() -> None:
    bits = bits_of_count()
    assert bits[TOTAL] == 0
    assert bits[1] == 16
    assert bits[TOTAL // 8] == float(Fraction(3))
    assert np.isinf(bits[0])
