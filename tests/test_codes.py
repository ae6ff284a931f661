"""Codes: checked, compared, digested."""

from __future__ import annotations

import hashlib
import struct

import numpy as np
import pytest
from numpy.typing import NDArray

from tests.support.made_codes import made_codes
from vqzip.codes import Codes
from vqzip.errors import CodingError


def maps(*shapes: tuple[int, ...]) -> Codes:
    rng = np.random.default_rng(0)
    return made_codes(tuple(rng.integers(-9, 9, shape, dtype=np.int32) for shape in shapes))


def test_equal_codes_have_equal_digests() -> None:
    first, second = maps((1, 1, 2, 3), (2, 1, 4, 6)), maps((1, 1, 2, 3), (2, 1, 4, 6))
    assert first.equals(second)
    assert first.sha256() == second.sha256()
    strided = made_codes(tuple(np.asfortranarray(level) for level in first.levels))
    assert strided.sha256() == first.sha256()


def test_one_code_makes_a_difference() -> None:
    first, second = maps((1, 1, 2, 3)), maps((1, 1, 2, 3))
    second.levels[0][0, 0, 1, 2] += 1
    assert not first.equals(second)
    assert first.sha256() != second.sha256()


def test_shapes_make_a_difference() -> None:
    first = maps((1, 1, 2, 3))
    turned = made_codes((first.levels[0].reshape(1, 1, 3, 2),))
    fewer = made_codes(())
    for other in (turned, fewer):
        assert not first.equals(other)
        assert first.sha256() != other.sha256()


def test_the_digest_is_fixed() -> None:
    level = np.arange(-3, 3, dtype=np.int32).reshape(1, 1, 2, 3)
    plain = struct.pack("<4q", 1, 1, 2, 3) + struct.pack("<6i", *range(-3, 3))
    assert made_codes((level,)).sha256() == hashlib.sha256(plain).hexdigest()


@pytest.mark.parametrize("level", [np.zeros((1, 2, 3), np.int32), np.zeros((1, 1, 2, 3), np.int64)])
def test_wrong_levels_are_refused(level: NDArray[np.int32]) -> None:
    with pytest.raises(CodingError, match="level 0 must be an int32 array"):
        made_codes((level,))
