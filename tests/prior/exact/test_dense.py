import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from vqzip.errors import ModelError
from vqzip.prior.exact.dense import IntegerDense
from vqzip.prior.numpy.products import DenseProducts, Floats, activate


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
    sums = np.floor(DenseProducts(dense).sums(x.astype(np.float64), 1))
    exact = (x.astype(object) @ weight.astype(object) + bias[1].astype(object)) // 2**shift
    assert sums.astype(object).tolist() == np.array(exact, float).tolist()
    assert [[int(v) for v in row] for row in sums] == exact.tolist()


@given(st.integers(0, 2**32), st.integers(0, 30), st.integers(1, 9), st.integers(0, 24))
def test_float32_sums_equal_python_integers(
    seed: int, inputs: int, outputs: int, shift: int
) -> None:
    rng = np.random.default_rng(seed)
    weight = rng.integers(-200, 201, (inputs, outputs))
    bias = rng.integers(-(2**20), 2**20, (2, outputs))
    x = rng.integers(-2047, 2048, (5, inputs))
    dense = layer(weight, bias, np.full(outputs, shift))
    assert dense.carrier is np.float32
    sums = DenseProducts(dense).sums(x.astype(np.float32), 1)
    assert sums.dtype == np.float32
    assert np.array_equal(np.floor(sums), (x @ weight + bias[1]) >> shift)


@pytest.mark.parametrize(("sign", "shift"), [(1, 0), (-1, 0), (1, 13)])
@pytest.mark.parametrize(("beyond", "carrier"), [(-1, np.float32), (0, np.float64)])
def test_float32_carries_sums_to_its_bound_and_no_further(
    sign: int, shift: int, beyond: int, carrier: type
) -> None:
    room = 2**24 + beyond - 3 * 2047 * 2047
    dense = layer(np.full((3, 1), 2047), [[sign * room]], [shift])
    assert dense.carrier is carrier
    x: Floats = np.array([[sign * 2047] * 3, [sign * 2046, sign * 2047, sign * 2047]], np.float32)
    exact = x.astype(np.int64) @ np.full(3, 2047) + sign * room
    assert exact[0] == sign * (2**24 + beyond)
    assert (
        np.ldexp(DenseProducts(dense).sums(x, 0)[:, 0].astype(np.float64), shift).tolist()
        == exact.tolist()
    )


def test_one_channel_beyond_the_bound_makes_a_layer_float64() -> None:
    assert layer([[1, 2047]], [[0, 2**24 - 2047 * 2047 - 1]], [0, 0]).carrier is np.float32
    assert layer([[1, 2047]], [[0, 2**24 - 2047 * 2047]], [0, 0]).carrier is np.float64


def test_smaller_inputs_leave_room_for_larger_weights() -> None:
    weight, shift = np.array([[2047], [2047]], np.int16), np.zeros(1, np.int64)
    bias = np.full((1, 1), 2**24 - 1 - 2047 * 2047 - 2047 * 1000)
    dense = IntegerDense(weight, bias, shift, "layer", np.array([2047, 1000]))
    assert dense.carrier is np.float32
    assert dense.rows(np.array([1, 0])).carrier is np.float32
    assert int(DenseProducts(dense).sums(np.array([[2047.0, 1000.0]]), 0)[0, 0]) == 2**24 - 1
    assert IntegerDense(weight, bias, shift, "layer").carrier is np.float64


def test_parts_of_a_layer_are_carried_as_the_whole() -> None:
    # Each part fits float32, but what they add up to does not.
    dense = layer([[2047]] * 6, [[1]], [0])
    x = np.full((1, 6), 2047.0)
    halves = dense.rows(slice(3)), dense.rows(slice(3, 6))
    assert {half.carrier for half in halves} == {np.float64}
    first, second = map(DenseProducts, halves)
    total = first.product(x[:, :3]) + second.sums(x[:, 3:], 0)
    assert int(total[0, 0]) == 6 * 2047**2 + 1


@pytest.mark.parametrize(("rows", "inputs", "outputs"), [(700, 300, 40), (3, 20, 600), (9, 70, 1)])
def test_blocks_do_not_change_the_sums(rows: int, inputs: int, outputs: int) -> None:
    rng = np.random.default_rng(5)
    weight = rng.integers(-2047, 2048, (inputs, outputs))
    x = rng.integers(-2047, 2048, (rows, inputs))
    dense = layer(weight, np.zeros((1, outputs)), np.zeros(outputs))
    assert np.array_equal(DenseProducts(dense).product(x.astype(np.float64)), x @ weight)
    small = layer(weight // 64, np.zeros((1, outputs)), np.zeros(outputs))
    assert small.carrier is np.float32
    assert np.array_equal(DenseProducts(small).product(x.astype(np.float32)), x @ (weight // 64))


def test_the_largest_sum_allowed_is_exact() -> None:
    room = 2**53 - 1 - 2047 * 2047
    dense = layer([[2047], [0]], [[room]], [0])
    assert int(DenseProducts(dense).sums(np.array([[2047.0, 5.0]]), 0)[0, 0]) == 2**53 - 1


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


def activation(value: int, shift: int) -> int:
    rounded = value >> shift
    return max(-2047, min(2047, rounded if rounded >= 0 else rounded // 8))


@given(st.lists(st.integers(-(2**45), 2**45), min_size=1), st.integers(0, 12))
def test_activation_equals_its_definition(values: list[int], shift: int) -> None:
    sums = np.array([values], np.float64) * 2.0**-shift
    expected = [activation(value, shift) for value in values]
    out = np.empty((1, len(values)), np.float32)
    activate(sums.copy(), out=out)
    assert out[0].tolist() == expected
    activated = activate(sums)
    assert activated.dtype == np.float32
    assert activated[0].tolist() == expected


@given(st.lists(st.integers(1 - 2**24, 2**24 - 1), min_size=1), st.integers(0, 24))
def test_activation_of_float32_equals_its_definition(values: list[int], shift: int) -> None:
    sums = np.ldexp(np.array([values], np.float32), -shift)
    assert activate(sums)[0].tolist() == [activation(value, shift) for value in values]


def test_rows_reorder_inputs() -> None:
    dense = layer([[1, 2], [3, 4], [5, 6]], [[0, 1]], [0, 0])
    some = dense.rows(np.array([2, 0]))
    assert some.inputs == 2
    assert some.outputs == 2
    assert DenseProducts(some).sums(np.array([[1.0, 10.0]]), 0).tolist() == [[15.0, 27.0]]
