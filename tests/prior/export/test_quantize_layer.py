import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from vqzip.errors import TrainingError
from vqzip.prior.exact.dense import IntegerDense
from vqzip.prior.export.quantize_layer import quantize_dense
from vqzip.prior.numpy.products import DenseProducts


@given(st.integers(0, 2**32), st.sampled_from([0, 4, 8]), st.floats(1e-3, 50.0))
def test_integer_layer_is_close_to_the_float_one(
    seed: int, fraction_bits: int, size: float
) -> None:
    rng = np.random.default_rng(seed)
    inputs, outputs = 20, 6
    weight = rng.normal(0, size, (inputs, outputs))
    bias = rng.normal(0, size, (3, outputs))
    layer = quantize_dense(weight, bias, np.full(outputs, fraction_bits))
    dense = IntegerDense(layer["weight"], layer["bias"], layer["shift"])  # type: ignore[arg-type]
    x = rng.integers(-500, 500, (50, inputs))
    found = np.floor(DenseProducts(dense).sums(x.astype(np.float64), 2)) / 2.0**fraction_bits
    expected = (x / 256) @ weight + bias[2]
    # Half a unit of the output, and half a unit of every weight and bias.
    weight_unit = np.abs(weight).max(0) / 1000
    tolerance = 0.5 / 2.0**fraction_bits + weight_unit * (np.abs(x).sum(1, keepdims=True) / 256 + 1)
    assert (np.abs(found - expected) <= tolerance + 1e-9).all()


def test_weights_use_their_twelve_bits() -> None:
    weight = np.array([[0.9, 100.0, 2047.4, 0.0, 1e-9]])
    layer = quantize_dense(weight, np.zeros((1, 5)), np.full(5, 8))
    assert layer["weight"].tolist() == [[1843, 1600, 2047, 0, 0]]
    assert layer["shift"].tolist() == [11, 4, 0, 24, 24]
    assert layer["bias"].tolist() == [[1024, 8, 0, 2**23, 2**23]]


def test_rounding_never_passes_the_largest_weight() -> None:
    layer = quantize_dense(np.array([[2047.6 / 4]]), np.zeros((1, 1)), np.array([8]))
    assert layer["weight"].tolist() == [[1024]]
    assert layer["shift"].tolist() == [1]


def test_what_cannot_be_rounded_is_refused() -> None:
    bias = np.zeros((1, 1))
    with pytest.raises(TrainingError, match="exceeds 2047"):
        quantize_dense(np.array([[2048.0]]), bias, np.array([8]))
    with pytest.raises(TrainingError, match="not finite"):
        quantize_dense(np.array([[np.nan]]), bias, np.array([8]))
    with pytest.raises(TrainingError, match="at most 8 fraction bits"):
        quantize_dense(np.array([[2000.0]]), bias, np.array([9]))
