import dataclasses

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from tools.prior.random_priors import SCALES
from vqzip.entropy.ans import AnsReader, AnsWriter
from vqzip.entropy.counts import TOTAL
from vqzip.entropy.grid_symbols import LARGEST_CODE, GridCoder
from vqzip.entropy.logistic_tables import LogisticTables
from vqzip.errors import CodingError, InvalidFile, LimitExceeded, ModelError, VqzipError
from vqzip.prior.export.logistic_tables import logistic_tables


def tables() -> LogisticTables:
    made = logistic_tables(SCALES, tail_weight=0.02, tail_factor=4.0)
    return LogisticTables(**{name.removeprefix("tables."): made[name] for name in made})


CODER = GridCoder(tables())

codes_and_parameters = st.lists(
    st.tuples(
        st.one_of(st.integers(-3, 3), st.integers(-300, 300), st.integers(-(2**20), 2**20)),
        st.one_of(st.integers(-40, 40), st.integers(-(2**24), 2**24)),
        st.integers(0, 63),
    ),
    max_size=60,
)


@given(codes_and_parameters)
def test_round_trip(triples: list[tuple[int, int, int]]) -> None:
    codes, mean16, scale = np.array(triples, np.int64).reshape(-1, 3).T
    writer = AnsWriter()
    assert CODER.exchange(writer, mean16, scale, codes).tolist() == codes.tolist()
    reader = AnsReader(writer.finish())
    assert CODER.exchange(reader, mean16, scale, np.zeros_like(codes)).tolist() == codes.tolist()
    reader.finish()


@given(codes_and_parameters)
def test_bits_are_what_the_writer_counts(triples: list[tuple[int, int, int]]) -> None:
    codes, mean16, scale = np.array(triples, np.int64).reshape(-1, 3).T
    writer = AnsWriter()
    CODER.exchange(writer, mean16, scale, codes)
    bits = CODER.bits(mean16, scale, codes).sum()
    assert bits == pytest.approx(writer.code_length_bits())


@given(st.binary(max_size=200), st.integers(0, 2**32))
def test_any_bytes_give_codes_or_an_error(data: bytes, seed: int) -> None:
    rng = np.random.default_rng(seed)
    mean16 = rng.integers(-(2**21), 2**21, 200)
    scale = rng.integers(0, 64, 200)
    try:
        reader = AnsReader(data)
        codes = CODER.exchange(reader, mean16, scale, np.zeros_like(scale))
        assert np.abs(codes).max() <= LARGEST_CODE
        reader.finish()
    except InvalidFile:
        pass


def test_a_code_costs_what_the_logistic_says() -> None:
    number = 24  # about 3 steps: every symbol is one code
    assert tables().low_bits[number] == 0
    mean16 = 5
    codes = np.arange(-10, 11)
    edges = (np.append(codes, 11) - 0.5 - mean16 / 16) / SCALES[number]
    main, tail = (np.diff(1 / (1 + np.exp(-x))) for x in (edges, edges / 4))
    expected = -np.log2(0.98 * main + 0.02 * tail)
    bits = CODER.bits(np.full_like(codes, mean16), np.full_like(codes, number), codes)
    assert np.abs(bits - expected).max() < 0.01


def test_codes_keep_their_shape() -> None:
    rng = np.random.default_rng(6)
    mean16, scale = rng.integers(-300, 300, (40, 3)), rng.integers(0, 64, (40, 3))
    codes = rng.integers(-2000, 2000, (40, 3))
    writer, flat = AnsWriter(), AnsWriter()
    assert CODER.exchange(writer, mean16, scale, codes).tolist() == codes.tolist()
    CODER.exchange(flat, mean16.reshape(-1), scale.reshape(-1), codes.reshape(-1))
    data = writer.finish()
    assert flat.finish() == data
    read = CODER.exchange(AnsReader(data), mean16, scale, np.zeros_like(codes))
    assert read.tolist() == codes.tolist()


class EndlessEscape:
    """A port whose every symbol is the last of its alphabet."""

    def exchange(
        self, table: NDArray[np.float64], rows: NDArray[np.intp], symbols: NDArray[np.int64]
    ) -> NDArray[np.int64]:
        return np.full(len(rows), table.shape[1] - 1, np.int64)

    def exchange_counts(
        self, counts: NDArray[np.int64], symbols: NDArray[np.int64]
    ) -> NDArray[np.int64]:
        raise AssertionError


def test_an_endless_escape_is_refused() -> None:
    zero = np.zeros(1, np.int64)
    with pytest.raises(LimitExceeded, match="is too long"):
        CODER.exchange(EndlessEscape(), zero, zero, zero)


def test_codes_beyond_the_limit_are_refused() -> None:
    zero = np.zeros(1, np.int64)
    with pytest.raises(CodingError, match="within"):
        CODER.exchange(AnsWriter(), zero, zero, zero + LARGEST_CODE + 1)


def test_impossible_tables_are_refused() -> None:
    good = tables()
    uneven = good.wide.copy()
    uneven[3, 3, 3] += 1
    empty = good.narrow.copy()
    empty[0, 0] = [0, 0, TOTAL, 0, 0]
    for change in (
        {"wide": uneven},
        {"wide": good.wide[:, :, :30]},
        {"narrow": empty},
        {"low_bits": good.low_bits + 16},
        {"low_bits": np.ones(64, np.int64)},
        {"escape_order": good.escape_order[:5]},
        {"escape_order": good.escape_order.astype(np.int32)},
    ):
        with pytest.raises(ModelError):
            dataclasses.replace(good, **change)
    assert issubclass(ModelError, VqzipError)
