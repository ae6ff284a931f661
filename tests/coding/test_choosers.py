import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.coding.distributions import random_counts
from tests.coding.test_grid_codes import CODER
from vqzip.coding.choosers import ByLevel, CodebookChooser, GridChooser, KnownCodes
from vqzip.coding.parameters import CategoricalParameters, LogisticParameters
from vqzip.coding.walk import Place
from vqzip.errors import CodingError

ROWS, COLUMNS = np.array([0, 1, 3]), np.array([2, 0, 1])
GRID_PLACE = Place(1, np.array([2, 0]), ROWS, COLUMNS)


def logistic(rng: np.random.Generator) -> LogisticParameters:
    mean16, scale = rng.integers(-80, 80, (3, 2)), rng.integers(0, 40, (3, 2))
    return LogisticParameters(CODER, mean16, scale)


def test_place_picks_channels_rows_and_columns() -> None:
    values = np.arange(3 * 4 * 5).reshape(3, 4, 5)
    expected = [[values[c, i, j] for c in (2, 0)] for i, j in ((0, 2), (1, 0), (3, 1))]
    assert GRID_PLACE.of(values).tolist() == expected


@given(st.integers(0, 2**32), st.sampled_from([0.5, 0.4]))
def test_a_free_bit_gives_the_nearest_code(seed: int, deadzone: float) -> None:
    rng = np.random.default_rng(seed)
    latents = rng.normal(0, 4, (3, 4, 5)).astype(np.float32)
    chosen = GridChooser({1: latents}, 0.0, deadzone).codes(GRID_PLACE, logistic(rng))
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
        codes = GridChooser({1: latents}, bit_price).codes(GRID_PLACE, parameters)
        costs.append((z - codes) ** 2 + price * parameters.bits(codes))
    assert (costs[1] <= costs[0] + 1e-9).all()


@given(st.integers(0, 2**32), st.floats(0.0, 1.0))
def test_codewords_have_the_least_cost(seed: int, price: float) -> None:
    rng = np.random.default_rng(seed)
    groups, depth, size, dim = 2, 2, 6, 3
    codebooks = rng.normal(0, 1, (groups, depth, size, dim))
    z_e = rng.normal(0, 1, (groups * dim, 4, 5))
    chooser = CodebookChooser({1: z_e}, {1: codebooks}, price)
    kept = z_e.copy()
    residual = z_e.reshape(groups, dim, 4, 5)[:, :, ROWS, COLUMNS].transpose(2, 0, 1)
    for stage in ([0, 2], [1, 3]):
        counts = random_counts(rng, 6, size).reshape(3, 2, size)
        parameters = CategoricalParameters(counts)
        codes = chooser.codes(Place(1, np.array(stage), ROWS, COLUMNS), parameters)
        for group in range(groups):
            books = codebooks[group, stage[0] % 2]
            cost = ((residual[:, group, None] - books) ** 2).sum(2)
            cost += price * -np.log2(counts[:, group] / 65536)
            least = np.take_along_axis(cost, codes[:, group, None], 1)[:, 0]
            assert least == pytest.approx(cost.min(1))
            residual[:, group] -= books[codes[:, group]]
    assert np.array_equal(z_e, kept)


def test_each_level_has_its_own_chooser() -> None:
    parameters = logistic(np.random.default_rng(0))
    chooser = ByLevel()
    codes = np.arange(60, dtype=np.int32).reshape(3, 4, 5)
    chooser.add(0, KnownCodes({0: codes * 0}))
    chooser.add(1, KnownCodes([codes * 0, codes]))
    assert np.array_equal(chooser.codes(GRID_PLACE, parameters), GRID_PLACE.of(codes))


def test_choosers_of_the_other_head_are_refused() -> None:
    grid = logistic(np.random.default_rng(0))
    books = CategoricalParameters(np.full((3, 2, 2), 32768))
    with pytest.raises(CodingError, match="logistic head"):
        GridChooser({1: np.zeros((3, 4, 5))}, 0.1).codes(GRID_PLACE, books)
    chooser = CodebookChooser({1: np.zeros((3, 4, 5))}, {1: np.zeros((3, 1, 2, 1))}, 0.1)
    with pytest.raises(CodingError, match="categorical head"):
        chooser.codes(GRID_PLACE, grid)
