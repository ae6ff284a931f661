import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from vqzip.prior.order import wavefront
from vqzip.prior.spec import CONTEXT_TAPS

sizes = st.integers(1, 21)


@given(sizes, sizes, st.sampled_from([1, 2, 4, 8]))
def test_every_position_comes_once_and_by_rank(height: int, width: int, side: int) -> None:
    order = wavefront(height, width, side)
    assert len(set(zip(order.rows.tolist(), order.columns.tolist(), strict=True))) == height * width
    rank = order.columns % side + 2 * (order.rows % side)
    previous = -1
    for step in order.steps():
        assert len(set(rank[step].tolist())) == 1
        assert rank[step.start] > previous
        previous = rank[step.start]
        within = list(zip(order.tiles[step].tolist(), order.rows[step].tolist(), strict=True))
        assert within == sorted(within)
    assert order.starts[-1] == order.positions == height * width
    grouped = [step for group in order.groups(7) for step in group]
    assert grouped == list(order.steps())


def test_steps_do_not_grow_with_the_picture() -> None:
    assert len(list(wavefront(32, 32, 8).steps())) == len(list(wavefront(8, 8, 8).steps())) == 22


def test_taps_have_a_lower_rank() -> None:
    assert len(CONTEXT_TAPS) == 12
    assert all(dj + 2 * di < 0 for di, dj in CONTEXT_TAPS)


@given(sizes, sizes)
def test_to_map(height: int, width: int) -> None:
    order = wavefront(height, width, 4)
    values = np.stack([order.rows, order.columns], 1)
    assert np.array_equal(order.to_map(values), np.indices((height, width)))
    assert np.array_equal(order.of_map(np.indices((height, width))), values)
