"""The compiled backend: the same codes, streams and states as NumPy's, in one call for each level."""

from __future__ import annotations

from itertools import pairwise
from typing import cast

import numpy as np
from numpy.typing import NDArray

from vqzip.entropy.grid_symbols import LARGEST_CODE
from vqzip.errors import CodingError, LimitExceeded
from vqzip.prior.backend import ChosenCodes, KnownCodes, RandomCodes, Source, State, StreamCodes
from vqzip.prior.compiled import structures as c
from vqzip.prior.compiled.kinds import ChosenBy
from vqzip.prior.compiled.library import Library
from vqzip.prior.compiled.pack import Packed
from vqzip.prior.compiled.streams import CompiledReader, CompiledWriter
from vqzip.prior.exact.prior import Condition, ExactPrior
from vqzip.threads import share, thread_count

Codes = NDArray[np.int32]

SHARED_POSITIONS = 2048
"""Smaller levels are run by one thread, because waking another thread takes longer."""


class CompiledBackend:
    """Runs a prior with the compiled walk; see `vqzip.prior.backend.Backend`.

    Args:
        prior: a prior that `pack.fits` accepts.
        library: the compiled library.
    """

    def __init__(self, prior: ExactPrior, library: Library) -> None:
        self.prior = prior
        self._library = library
        self._packed = Packed(prior)

    @property
    def threads(self) -> int:
        """How many threads can usefully call it at once."""
        return thread_count()

    def writer(self) -> CompiledWriter:
        """Return an empty stream."""
        return CompiledWriter(self._library)

    def reader(self, data: bytes) -> CompiledReader:
        """Return a stream that reads these bytes."""
        return CompiledReader(data)

    def code(self, level: int, source: Source, state: State, condition: Condition) -> Codes:
        """Take the codes of a level from their source; see `Backend`."""
        if isinstance(source, KnownCodes):
            return self._write(level, source, None, state, condition)
        if isinstance(source, ChosenCodes):
            choice = self._packed.kinds[level].chosen_by(source.choice)
            return self._write(level, source, choice, state, condition)
        if isinstance(source, StreamCodes):
            job = self._job(level, source.shape, state, condition)
            reader = cast("CompiledReader", source.reader).structure
            self._call("vqz_read", level, job.structure, reader, self._library.kernels)
            return job.codes
        return self._draw(level, source, state, condition)

    def next_state(self, level: int, codes: Codes, state: State, condition: Condition) -> State:
        """Return the state of the next level; see `Backend`."""
        packed = self._packed.levels[level]
        scale = 2 if packed.halves else 1
        _, height, width = codes.shape
        following = np.empty((scale * height, scale * width, packed.next_state), np.int16)
        job = self._job(level, (height, width), state, condition, codes)
        result = following.ctypes.data, following.size, self._library.kernels
        share(lambda part: self._call("vqz_advance", level, part, *result), job.parts())
        return following

    def _write(
        self,
        level: int,
        source: KnownCodes | ChosenCodes,
        choice: ChosenBy | None,
        state: State,
        condition: Condition,
    ) -> Codes:
        """Find or take the codes of every context tile at once, then write them in coding order."""
        known = source.codes if isinstance(source, KnownCodes) else None
        job = self._job(level, source.shape, state, condition, known)
        job.keep_record(sum(self._packed.stage_codes(level)[: condition.most_stages]))
        name, arguments = (
            ("vqz_record", ()) if choice is None else (choice.function, choice.arguments)
        )
        end = (*arguments, self._library.kernels)
        share(lambda part: self._call(name, level, part, *end), job.parts())
        writer = cast("CompiledWriter", source.writer).structure
        self._call("vqz_write", level, job.structure, writer)
        return job.codes if known is None else known

    def _draw(self, level: int, source: RandomCodes, state: State, condition: Condition) -> Codes:
        drawer = self._packed.kinds[level].drawer(source)
        if drawer is None:
            from vqzip.prior.numpy.backend import NumpyBackend

            return NumpyBackend(self.prior).code(level, source, state, condition)
        job = self._job(level, source.shape, state, condition)
        with source.generator.bit_generator.lock:
            self._call("vqz_draw", level, job.structure, drawer.structure, self._library.kernels)
        return job.codes

    def _job(
        self,
        level: int,
        shape: tuple[int, int],
        state: State,
        condition: Condition,
        codes: Codes | None = None,
    ) -> _Job:
        packed = self._packed.levels[level]
        if codes is None:
            codes = np.zeros((packed.channels, *shape), np.int32)
        if codes.shape[0] != packed.channels or codes.dtype != np.int32:
            raise CodingError(
                f"level {level} has {packed.channels} int32 codes a position, "
                f"got {codes.dtype} {codes.shape}."
            )
        if state.shape[2] != packed.state or state.shape[0] < shape[0] or state.shape[1] < shape[1]:
            raise CodingError(
                f"level {level} needs a state of {packed.state} channels for its map, "
                f"got {state.shape}."
            )
        return _Job(codes, state, packed.side, condition, packed.stage_count)

    def _call(self, name: str, level: int, job: c.Job, *arguments: object) -> None:
        """Call a function of the library.

        Raises:
            VqzipError: the error that the NumPy walk would raise.
        """
        function = getattr(self._library.functions, name)
        result = c.Result(function(self._packed.levels[level], job, *arguments))
        if result == c.Result.DONE:
            return
        if result == c.Result.NO_MEMORY:
            raise MemoryError
        if result == c.Result.READ_TOO_LARGE:
            raise LimitExceeded(f"a code lies more than {LARGEST_CODE} from zero.")
        if result == c.Result.READ_NO_END:
            raise LimitExceeded("an escape in a code stream is too long: the file is damaged.")
        if result == c.Result.CODE_TOO_LARGE:
            raise CodingError(f"codes of a grid must lie within {LARGEST_CODE} of zero.")
        if result == c.Result.CODE_NOT_IN_BOOK:
            size = self._packed.levels[level].codewords
            raise CodingError(f"codes of a codebook of {size} must lie in 0..{size - 1}.")
        if result == c.Result.LATENT_NO_NUMBER:
            raise CodingError("latents must be numbers.")
        raise CodingError(f"the sizes of level {level} contradict each other.")


class _Job:
    """A level of a picture as a structure of the library, and the arrays that it points to."""

    def __init__(
        self, codes: Codes, state: State, side: int, condition: Condition, stages: int
    ) -> None:
        _, height, width = codes.shape
        self.codes = np.ascontiguousarray(codes)
        self._state = np.ascontiguousarray(state, np.int16)
        self._record: NDArray[np.uint32] | None = None
        self.structure = c.Job(
            height=height,
            width=width,
            state=self._state.ctypes.data if self._state.size else None,
            state_height=state.shape[0],
            state_width=state.shape[1],
            condition=condition.row,
            coded_stages=min(condition.most_stages, stages),
            first_tile=0,
            last_tile=-(-height // side) * -(-width // side),
            codes=self.codes.ctypes.data,
        )

    def keep_record(self, coded: int) -> None:
        """Allocate the arrays that are written for every code."""
        job = self.structure
        self._record = np.empty((job.height * job.width, coded, 2), np.uint32)
        job.record = self._record.ctypes.data

    def parts(self) -> list[c.Job]:
        """Split this job into jobs of a few context tiles each."""
        job = self.structure
        small = job.height * job.width < SHARED_POSITIONS
        count = 1 if small else min(job.last_tile, 4 * thread_count())
        ends = [job.last_tile * number // count for number in range(count + 1)]
        parts = []
        for first, last in pairwise(ends):
            part = c.Job.from_buffer_copy(job)
            part.first_tile, part.last_tile = first, last
            parts.append(part)
        return parts
