"""The way of the codes through the prior, level by level."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from vqzip.errors import CodingError
from vqzip.prior.backend import Backend, Source, State
from vqzip.prior.compiled.backend import CompiledBackend
from vqzip.prior.compiled.library import library
from vqzip.prior.compiled.pack import fits
from vqzip.prior.exact.prior import ExactPrior
from vqzip.quality import Quality


def backend_for(prior: ExactPrior) -> Backend:
    """Return the fastest backend that runs a prior on this machine.

    Raises:
        UsageError: the variable `VQZIP_WALK` asks for what is not there.
    """
    compiled = library()
    if compiled is not None and fits(prior):
        return CompiledBackend(prior, compiled)
    from vqzip.prior.numpy.backend import NumpyBackend

    return NumpyBackend(prior)


class PriorWalk:
    """Passes the levels of one map through a prior, coarse level first.

        walk = PriorWalk(backend, Quality.of(4), gray=False)
        codes = [walk.code(StreamCodes(shape, reader)) for shape in shapes]

    It holds the running state, which tells a level what the coarser ones are like. Everything is a function
    of integers, the same on every machine. A map may be a part of a picture if it begins at the border of a
    context tile, for context tiles know nothing of each other.

    Args:
        backend: from `backend_for`.
        quality: of the picture.
        gray: whether the picture has one channel.

    Raises:
        ModelError: the prior does not have that quality.
    """

    def __init__(self, backend: Backend, quality: Quality, *, gray: bool) -> None:
        self._backend = backend
        self._condition = backend.prior.condition(quality, gray=gray)
        self._level = -1
        self._codes: NDArray[np.int32] | None = None
        self._state: State = np.zeros((0, 0, 0), np.int16)

    def code(self, source: Source) -> NDArray[np.int32]:
        """Pass the codes of the next level.

        Args:
            source: where they come from.

        Returns:
            `(C, H, W)` int32 codes.

        Raises:
            CodingError: the map does not fit the level before, or a code is outside its alphabet.
            InvalidFile: a stream is damaged.
        """
        state = self._next_state(source.shape)
        self._level += 1
        self._state = state
        self._codes = self._backend.code(self._level, source, state, self._condition)
        return self._codes

    def _next_state(self, shape: tuple[int, int]) -> State:
        """Return the state of the level that comes next; it is made when it is needed."""
        if self._codes is None:
            return np.zeros((*shape, 0), np.int16)
        state = self._backend.next_state(self._level, self._codes, self._state, self._condition)
        if state.shape[0] < shape[0] or state.shape[1] < shape[1]:
            raise CodingError(
                f"a map of {shape} codes after one of {self._codes.shape[1:]} fits no picture."
            )
        return state
