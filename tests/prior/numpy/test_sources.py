import numpy as np

from tests.entropy.test_grid_symbols import CODER
from vqzip.prior.numpy.codebooks import CodebookParameters
from vqzip.prior.numpy.grids import GridParameters
from vqzip.prior.numpy.sources import Drawn, Place
from vqzip.prior.order import wavefront

N = 4000
PLACE = Place(np.array([0]), wavefront(N, 1, N), slice(None))


def test_samples_follow_the_counts() -> None:
    row = np.array([40000, 20000, 5000, 536])
    parameters = CodebookParameters(np.tile(row, (N, 1, 1)))
    codes = Drawn(np.random.default_rng(0), 1.0).codes(PLACE, parameters)
    share = np.bincount(codes[:, 0], minlength=4) / N
    assert np.abs(share - row / 65536).max() < 0.03


def test_low_temperature_takes_the_likeliest() -> None:
    row = np.array([20000, 40000, 5000, 536])
    parameters = CodebookParameters(np.tile(row, (N, 1, 1)))
    codes = Drawn(np.random.default_rng(0), 0.01).codes(PLACE, parameters)
    assert (codes == 1).all()


def test_samples_of_a_grid_have_its_mean_and_spread() -> None:
    parameters = GridParameters(CODER, np.full((N, 1), 16 * 50 + 8), np.full((N, 1), 30))
    codes = Drawn(np.random.default_rng(0), 1.0).codes(PLACE, parameters)
    assert abs(np.median(codes) - 50.5) <= 1.0
    assert 5 < codes.std() < 60
