import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from vqzip.errors import ModelError
from vqzip.exact_prior.dense import IntegerDense, activate


def layer(weight: object, bias: object, shift: object) -> IntegerDense:
    return IntegerDense(
        np.array(weight, np.int16), np.array(bias, np.int64), np.array(shift, np.int64), "layer"
    )


@given(st.integers(0, 2**32), st.integers(0, 30), st.integers(1, 9), st.integers(0, 40))
def test_sums_equal_python_integers(seed: int, inputs: int, outputs: int, shift: int) -> None:
    rng = np.random.default_rng(seed)
    weight = rng.integers(-2047, 2048, (inputs, outputs))
    bias = rng.integers(-(2**52), 2**52, (2, outputs))
    x = rng.integers(-2047, 2048, (5, inputs))
    dense = layer(weight, bias, np.full(outputs, shift))
    sums = np.floor(dense.sums(x.astype(np.float64), 1))
    exact = (x.astype(object) @ weight.astype(object) + bias[1].astype(object)) // 2**shift
    assert sums.astype(object).tolist() == np.array(exact, float).tolist()
    assert [[int(v) for v in row] for row in sums] == exact.tolist()


@pytest.mark.parametrize(("rows", "inputs", "outputs"), [(700, 300, 40), (3, 20, 600), (9, 70, 1)])
def test_blocks_do_not_change_the_sums(rows: int, inputs: int, outputs: int) -> None:
    rng = np.random.default_rng(5)
    weight = rng.integers(-2047, 2048, (inputs, outputs))
    x = rng.integers(-2047, 2048, (rows, inputs))
    dense = layer(weight, np.zeros((1, outputs)), np.zeros(outputs))
    assert np.array_equal(dense.product(x.astype(np.float64)), x @ weight)


def test_the_largest_sum_allowed_is_exact() -> None:
    room = 2**53 - 1 - 2047 * 2047
    dense = layer([[2047], [0]], [[room]], [0])
    assert int(dense.sums(np.array([[2047.0, 5.0]]), 0)[0, 0]) == 2**53 - 1


def test_sums_beyond_the_bound_are_refused() -> None:
    room = 2**53 - 2047 * 2047
    for bias in (room, -room, -(2**63), 2**63 - 1):
        with pytest.raises(ModelError, match=r"beyond the 2\^53"):
            layer([[2047]], [[bias]], [0])


def test_wrong_tensors_are_refused() -> None:
    with pytest.raises(ModelError, match="weights must lie"):
        layer([[2048]], [[0]], [0])
    with pytest.raises(ModelError, match="weights must lie"):
        layer([[-32768]], [[0]], [0])
    with pytest.raises(ModelError, match="shifts"):
        layer([[1]], [[0]], [41])
    with pytest.raises(ModelError, match="shifts"):
        layer([[1]], [[0]], [-1])
    with pytest.raises(ModelError, match="do not fit"):
        layer([[1, 2]], [[0]], [0])
    with pytest.raises(ModelError, match="types"):
        IntegerDense(np.ones((1, 1)), np.ones((1, 1), int), np.ones(1, int))  # type: ignore[arg-type]


@given(st.lists(st.integers(-(2**45), 2**45), min_size=1), st.integers(0, 12))
def test_activation_equals_its_definition(sums: list[int], shift: int) -> None:
    out = np.empty((1, len(sums)))
    activate(np.array([sums], np.float64) * 2.0**-shift, out=out)
    rounded = [v >> shift for v in sums]
    leaky = [v if v >= 0 else v // 8 for v in rounded]
    assert out[0].tolist() == [max(-2047, min(2047, v)) for v in leaky]


def test_rows_reorder_inputs() -> None:
    dense = layer([[1, 2], [3, 4], [5, 6]], [[0, 1]], [0, 0])
    some = dense.rows(np.array([2, 0]))
    assert some.inputs == 2
    assert some.outputs == 2
    assert some.sums(np.array([[1.0, 10.0]]), 0).tolist() == [[15.0, 27.0]]
