"""Alpha comes back exactly; damage is noticed; nothing expands beyond the size asked for."""

import tracemalloc
import zlib

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays

from tests.pictures.made_pictures import ramp
from vqzip.errors import InvalidFile, LimitExceeded
from vqzip.pictures import alpha as alpha_module
from vqzip.pictures.alpha import decode_alpha, encode_alpha
from vqzip.pictures.picture import Bytes2D


@given(
    arrays(
        np.uint8, array_shapes(min_dims=2, max_dims=2, max_side=40), elements=st.integers(0, 255)
    )
)
def test_alpha_comes_back(alpha: Bytes2D) -> None:
    height, width = alpha.shape
    assert np.array_equal(decode_alpha(encode_alpha(alpha), width, height), alpha)


def test_rows_at_once_do_not_change_the_bytes(monkeypatch: pytest.MonkeyPatch) -> None:
    noise = np.random.default_rng(1).integers(0, 4, (70, 50)).astype(np.uint8)
    alpha = np.cumsum(noise, axis=0, dtype=np.uint8)
    whole = encode_alpha(alpha)
    monkeypatch.setattr(alpha_module, "ROWS_AT_ONCE", 7)
    assert encode_alpha(alpha) == whole


def test_smooth_alpha_is_small() -> None:
    rows, columns = np.mgrid[:256, :256]
    soft = (255 * np.exp(-((rows - 128) ** 2 + (columns - 100) ** 2) / 9000)).astype(np.uint8)
    disc = np.where((rows - 128) ** 2 + (columns - 100) ** 2 < 5000, 255, 0).astype(np.uint8)
    assert len(encode_alpha(soft)) < len(zlib.compress(soft.tobytes(), 9)) * 0.8
    assert len(encode_alpha(disc)) < 600


@pytest.mark.parametrize("place", range(0, 60, 3))
def test_damage_is_noticed(place: int) -> None:
    data = bytearray(encode_alpha(ramp()))
    data[place % len(data)] ^= 0x24
    with pytest.raises(InvalidFile):
        decode_alpha(bytes(data), 33, 24)


def test_cut_long_and_alien_data_are_refused() -> None:
    data = encode_alpha(ramp())
    for wrong in (b"", data[:-1], data[: len(data) // 2], data + b"\0", b"no zlib"):
        with pytest.raises(InvalidFile):
            decode_alpha(wrong, 33, 24)
    for width, height in ((32, 24), (33, 25)):
        with pytest.raises(InvalidFile):
            decode_alpha(data, width, height)
    with pytest.raises(InvalidFile, match="predictor"):
        decode_alpha(zlib.compress(b"\x04\0\0"), 2, 1)


def test_a_bomb_takes_no_memory() -> None:
    bomb = zlib.compress(bytes(50_000_000), 9)
    tracemalloc.start()
    try:
        with pytest.raises(LimitExceeded):
            decode_alpha(bomb, 10, 10)
        assert tracemalloc.get_traced_memory()[1] < 1_000_000
    finally:
        tracemalloc.stop()
