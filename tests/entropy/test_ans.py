import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from reference import rans as reference_rans
from tests.entropy.distributions import random_counts
from vqzip.entropy.ans import AnsReader, AnsWriter
from vqzip.entropy.counts import bits_of_count
from vqzip.errors import InvalidFile, Truncated


@given(st.integers(0, 2**32), st.integers(2, 40), st.integers(0, 60))
def test_words_equal_the_reference(seed: int, size: int, length: int) -> None:
    rng = np.random.default_rng(seed)
    counts = random_counts(rng, length, size)
    symbols = rng.integers(0, size, length)
    writer = AnsWriter()
    writer.exchange_counts(counts, symbols)
    data = writer.finish()
    words = np.frombuffer(data, "<u4").tolist()
    assert words == reference_rans.encode(counts.tolist(), symbols.tolist())
    assert reference_rans.decode(counts.tolist(), words) == (symbols.tolist(), True)
    reader = AnsReader(data)
    assert reader.exchange_counts(counts, np.zeros_like(symbols)).tolist() == symbols.tolist()
    reader.finish()


@given(st.integers(0, 2**32), st.lists(st.integers(1, 20), min_size=1, max_size=8))
def test_batches_do_not_change_the_words(seed: int, lengths: list[int]) -> None:
    rng = np.random.default_rng(seed)
    table = random_counts(rng, 10, 7)
    rows = rng.integers(0, 10, sum(lengths))
    symbols = rng.integers(0, 7, sum(lengths))
    whole, parts = AnsWriter(), AnsWriter()
    whole.exchange_counts(table[rows], symbols)
    start = 0
    for length in lengths:
        span = slice(start, start + length)
        parts.exchange(table.astype(np.float64), rows[span], symbols[span])
        start += length
    assert whole.finish() == parts.finish()
    assert whole.code_length_bits() == pytest.approx(parts.code_length_bits())


@given(st.integers(0, 2**32), st.lists(st.integers(0, 3), max_size=12))
def test_runs_of_tables_do_not_change_the_words(seed: int, kinds: list[int]) -> None:
    """Batches of one table are pushed together, others in between end that, as does counting."""
    rng = np.random.default_rng(seed)
    tables = [random_counts(rng, 4, size) for size in (3, 7)]
    floats = [table.astype(np.float64) for table in tables]
    writer, plain, bits = AnsWriter(), AnsWriter(), 0.0
    for kind in kinds:
        table = tables[kind % 2]
        rows, symbols = rng.integers(0, 4, 5), rng.integers(0, table.shape[1], 5)
        plain.exchange_counts(table[rows], symbols)
        bits += bits_of_count()[table[rows, symbols]].sum()
        if kind < 2:
            writer.exchange(floats[kind], rows, symbols)
        elif kind == 2:
            writer.exchange_counts(table[rows], symbols)
        else:
            writer.exchange(floats[1], rows, symbols)
            assert writer.code_length_bits() == pytest.approx(bits)
    assert writer.code_length_bits() == pytest.approx(bits)
    assert writer.finish() == plain.finish()


def test_a_run_longer_than_a_batch_may_be_keeps_its_order() -> None:
    rng = np.random.default_rng(3)
    table = random_counts(rng, 50, 6)
    writer, plain = AnsWriter(), AnsWriter()
    floats = table.astype(np.float64)
    for _ in range(9):
        rows, symbols = rng.integers(0, 50, 4000), rng.integers(0, 6, 4000)
        writer.exchange(floats, rows, symbols)
        plain.exchange_counts(table[rows], symbols)
    assert writer.finish() == plain.finish()


def test_golden_words() -> None:
    counts = 1 + np.arange(40 * 9).reshape(40, 9) % 13
    counts[:, 4] += 65536 - counts.sum(1)
    symbols = np.arange(40) * 7 % 9
    writer = AnsWriter()
    writer.exchange_counts(counts, symbols)
    assert writer.finish().hex() == (
        "d1030013ebfcffbfe424009d840600cca9f8ffc0e905004af6f2ff462d288bb9d602004e9cf6ff7b1d0200"
        "fd51e2ff7ce40a0074a7f9ff2a320000371a000000"
    )


def test_code_length_is_near_the_size() -> None:
    rng = np.random.default_rng(1)
    counts = random_counts(rng, 5000, 12)
    symbols = rng.integers(0, 12, 5000)
    writer = AnsWriter()
    writer.exchange_counts(counts, symbols)
    expected = bits_of_count()[np.take_along_axis(counts, symbols[:, None], 1)].sum()
    assert writer.code_length_bits() == pytest.approx(expected)
    size_bits = 8 * len(writer.finish())
    assert abs(size_bits - expected) < 0.01 * expected + 64


def test_nothing_is_an_empty_stream() -> None:
    assert AnsWriter().finish() == b""
    AnsReader(b"").finish()


def test_what_cannot_be_a_stream_is_refused() -> None:
    with pytest.raises(Truncated, match="whole words"):
        AnsReader(b"abc")
    with pytest.raises(InvalidFile, match="zero word"):
        AnsReader(b"abcd\0\0\0\0")


def test_words_that_are_left_are_noticed() -> None:
    with pytest.raises(InvalidFile, match="does not end"):
        AnsReader(b"abcdefgh").finish()
