import numpy as np
import pytest

from tests.entropy.test_grid_symbols import CODER
from vqzip.errors import CodingError, InvalidFile
from vqzip.prior.choosers import KnownCodes
from vqzip.prior.order import wavefront
from vqzip.prior.parameters import CategoricalParameters, LogisticParameters
from vqzip.prior.streams import Sampler, StreamDecoder, StreamEncoder
from vqzip.prior.walk import Place

N = 4000
PLACE = Place(0, np.array([0]), wavefront(N, 1, N), slice(None))


def test_samples_follow_the_counts() -> None:
    row = np.array([40000, 20000, 5000, 536])
    parameters = CategoricalParameters(np.tile(row, (N, 1, 1)))
    codes = Sampler(np.random.default_rng(0), 1.0).codes(PLACE, parameters)
    share = np.bincount(codes[:, 0], minlength=4) / N
    assert np.abs(share - row / 65536).max() < 0.03


def test_low_temperature_takes_the_likeliest() -> None:
    row = np.array([20000, 40000, 5000, 536])
    parameters = CategoricalParameters(np.tile(row, (N, 1, 1)))
    codes = Sampler(np.random.default_rng(0), 0.01).codes(PLACE, parameters)
    assert (codes == 1).all()


def test_samples_of_a_grid_have_its_mean_and_spread() -> None:
    parameters = LogisticParameters(CODER, np.full((N, 1), 16 * 50 + 8), np.full((N, 1), 30))
    codes = Sampler(np.random.default_rng(0), 1.0).codes(PLACE, parameters)
    assert abs(np.median(codes) - 50.5) <= 1.0
    assert 5 < codes.std() < 60


@pytest.mark.parametrize("temperature", [0.0, -1.0, float("nan")])
def test_temperature_must_be_above_zero(temperature: float) -> None:
    with pytest.raises(CodingError, match="temperature"):
        Sampler(np.random.default_rng(0), temperature)


def test_levels_that_share_a_stream_are_counted_apart() -> None:
    even = CategoricalParameters(np.full((N, 1, 4), 16384))
    codes = np.arange(N, dtype=np.int32).reshape(1, N, 1) % 4
    encoder = StreamEncoder(KnownCodes([codes, codes]))
    for level in (0, 1, 1):
        encoder.codes(Place(level, PLACE.channels, PLACE.order, PLACE.span), even)
    assert dict(encoder.code_length_bits) == {0: 2 * N, 1: 4 * N}
    decoder = StreamDecoder(encoder.finish())
    for _ in range(2):
        assert np.array_equal(decoder.codes(PLACE, even)[:, 0], codes.reshape(-1))
    with pytest.raises(InvalidFile):
        decoder.finish()
    decoder.codes(PLACE, even)
    decoder.finish()
