import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.entropy.distributions import random_counts
from tests.entropy.test_grid_symbols import CODER
from vqzip.codes import CodebookChoice, GridChoice
from vqzip.entropy.grid_symbols import LARGEST_CODE
from vqzip.prior.numpy.codebooks import CodebookChooser, CodebookParameters
from vqzip.prior.numpy.grids import GridChooser, GridParameters
from vqzip.prior.numpy.sources import Place
from vqzip.prior.order import wavefront

ORDER = wavefront(4, 5, 4)
SPAN = slice(7, 10)
ROWS, COLUMNS = ORDER.rows[SPAN], ORDER.columns[SPAN]
GRID_PLACE = Place(np.array([2, 0]), ORDER, SPAN)


def logistic(rng: np.random.Generator) -> GridParameters:
    mean16, scale = rng.integers(-80, 80, (3, 2)), rng.integers(0, 40, (3, 2))
    return GridParameters(CODER, mean16, scale)


def test_place_picks_channels_rows_and_columns() -> None:
    values = np.arange(3 * 4 * 5).reshape(3, 4, 5)
    expected = [[values[c, i, j] for c in (2, 0)] for i, j in zip(ROWS, COLUMNS, strict=True)]
    assert GRID_PLACE.of(values).tolist() == expected
    # A view of another layout has the same entries.
    assert GRID_PLACE.of(np.asfortranarray(values)).tolist() == expected


@given(st.integers(0, 2**32), st.sampled_from([0.5, 0.4]))
def test_a_free_bit_gives_the_nearest_code(seed: int, deadzone: float) -> None:
    rng = np.random.default_rng(seed)
    latents = rng.normal(0, 4, (3, 4, 5)).astype(np.float32)
    chosen = GridChooser(GridChoice(latents, 0.0, deadzone), ORDER).codes(GRID_PLACE, logistic(rng))
    exact = GRID_PLACE.of(latents).astype(np.float64)
    assert np.array_equal(chosen, np.sign(exact) * np.floor(np.abs(exact) + deadzone))


@given(st.integers(0, 2**32), st.floats(0.01, 1.0))
def test_a_priced_bit_is_never_worse_than_the_nearest_code(seed: int, price: float) -> None:
    rng = np.random.default_rng(seed)
    latents = rng.normal(0, 4, (3, 4, 5))
    parameters = logistic(rng)
    z = GRID_PLACE.of(latents)
    costs = []
    for bit_price in (0.0, price):
        codes = GridChooser(GridChoice(latents, bit_price), ORDER).codes(GRID_PLACE, parameters)
        costs.append((z - codes) ** 2 + price * parameters.bits(codes))
    assert (costs[1] <= costs[0] + 1e-9).all()


def plainly_chosen(z: float, mean16: int, scale: int, price: float, deadzone: float) -> int:
    """Return the first of the cheapest candidates, one after another."""
    magnitude = min(math.floor(abs(z) + deadzone), LARGEST_CODE)
    nearest = int(np.sign(z)) * magnitude
    mean = (mean16 + 8) >> 4
    best, least = nearest, math.inf
    for code in (
        nearest,
        nearest - int(np.sign(nearest)),
        0,
        nearest + int(np.sign(mean - nearest)),
    ):
        bits = CODER.bits(np.array([mean16]), np.array([scale]), np.array([code]))[0]
        cost = (z - code) ** 2 + price * bits
        if cost < least:
            best, least = code, cost
    return best


latents_and_parameters = st.lists(
    st.tuples(
        st.floats(-1, 1) | st.floats(-50, 50) | st.floats(-(2.0**22), 2.0**22),
        st.integers(-20, 20) | st.integers(-(2**20), 2**20),
        st.integers(0, 63),
    ),
    min_size=1,
    max_size=40,
)


@given(latents_and_parameters, st.floats(0.001, 20.0), st.sampled_from([0.5, 0.3]))
def test_chosen_codes_equal_those_of_a_plain_search(
    drawn: list[tuple[float, int, int]], price: float, deadzone: float
) -> None:
    n = len(drawn)
    z = np.array([triple[0] for triple in drawn])
    mean16, scale = np.array([triple[1:] for triple in drawn]).T
    order = wavefront(n, 1, n)
    place = Place(np.array([0, 1]), order, slice(None))
    # Channel 1 has the same in the opposite order.
    both = [np.stack([values, values[::-1]], axis=1) for values in (z, mean16, scale)]
    chooser = GridChooser(GridChoice(both[0].T[:, :, None], price, deadzone), order)
    codes = chooser.codes(place, GridParameters(CODER, both[1], both[2]))
    expected = [plainly_chosen(*triple, price, deadzone) for triple in drawn]
    assert codes[:, 0].tolist() == expected
    assert codes[:, 1].tolist() == expected[::-1]


def test_where_all_candidates_are_zero_nothing_else_is_chosen() -> None:
    order = wavefront(3, 1, 3)
    place = Place(np.array([0]), order, slice(None))
    parameters = GridParameters(CODER, np.array([[7], [-8], [0]]), np.array([[63], [0], [5]]))
    chooser = GridChooser(GridChoice(np.array([[[0.49], [-0.49], [0.0]]]), 100.0), order)
    assert chooser.codes(place, parameters).tolist() == [[0], [0], [0]]


@given(st.integers(0, 2**32), st.floats(0.0, 1.0))
def test_codewords_have_the_least_cost(seed: int, price: float) -> None:
    rng = np.random.default_rng(seed)
    groups, depth, size, dim = 2, 2, 6, 3
    codebooks = rng.normal(0, 1, (groups, depth, size, dim))
    z_e = rng.normal(0, 1, (groups * dim, 4, 5))
    chooser = CodebookChooser(CodebookChoice(z_e, codebooks, price))
    kept = z_e.copy()
    residual = z_e.reshape(groups, dim, 4, 5)[:, :, ROWS, COLUMNS].transpose(2, 0, 1)
    for stage in ([0, 2], [1, 3]):
        counts = random_counts(rng, 6, size).reshape(3, 2, size)
        parameters = CodebookParameters(counts)
        codes = chooser.codes(Place(np.array(stage), ORDER, SPAN), parameters)
        for group in range(groups):
            books = codebooks[group, stage[0] % 2]
            cost = ((residual[:, group, None] - books) ** 2).sum(2)
            cost += price * -np.log2(counts[:, group] / 65536)
            least = np.take_along_axis(cost, codes[:, group, None], 1)[:, 0]
            assert least == pytest.approx(cost.min(1))
            residual[:, group] -= books[codes[:, group]]
    assert np.array_equal(z_e, kept)
