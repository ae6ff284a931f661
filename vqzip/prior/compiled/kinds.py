"""What the compiled walk knows of a kind of codes: its tables, its choices, and how it is sampled."""

from __future__ import annotations

import ctypes
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from vqzip.codes import Choice, CodebookChoice, GridChoice
from vqzip.entropy.counts import TOTAL, bits_of_count, exp2_table
from vqzip.entropy.grid_symbols import GridCoder
from vqzip.entropy.logistic_tables import LogisticTables
from vqzip.errors import CodingError
from vqzip.prior.backend import RandomCodes
from vqzip.prior.compiled import structures as c
from vqzip.prior.exact.codebooks import Codebook
from vqzip.prior.exact.grids import Grid
from vqzip.prior.exact.level import LevelPrior
from vqzip.prior.fixed_point import whole_numbers
from vqzip.prior.spec import MAGNITUDES

_NARROW_STRIDE, _WIDE_STRIDE = 8, 32
_POINTS = 1 << 24


class Keeper(Protocol):
    """Keeps arrays alive; see `pack.Packed`."""

    tables_of: dict[int, c.Tables]

    def keep(self, array: NDArray[Any], dtype: type[np.generic], /) -> int | None:
        """Keep an array as long as this object; return its address."""


@dataclass(frozen=True)
class ChosenBy:
    """How the library chooses codes.

    Args:
        function: of the library.
        arguments: of it, after the job.
        kept: arrays that the arguments point to.
    """

    function: str
    arguments: tuple[c.GridChoice | c.BookChoice]
    kept: tuple[object, ...]


@dataclass(frozen=True)
class Drawer:
    """The structure for sampling symbols, and the arrays that it points to."""

    structure: c.Drawer
    kept: tuple[object, ...]


class CompiledKind(Protocol):
    """A kind of codes at one level."""

    def fill(self, structure: c.Level, keeper: Keeper) -> None:
        """Write the tables of the codes into the structure of a level."""

    def chosen_by(self, choice: Choice) -> ChosenBy:
        """Return how codes are chosen.

        Raises:
            CodingError: the choice is between codes of another kind, or has other sizes.
        """

    def drawer(self, source: RandomCodes) -> Drawer | None:
        """Return the structure for sampling as NumPy's walk does, or None if only NumPy can do it."""


class CompiledGrid:
    """Codes of a grid.

    Args:
        kind: their tables.
        channels: codes at a position.
    """

    def __init__(self, kind: Grid, channels: int) -> None:
        self._kind, self._channels = kind, channels

    def fill(self, structure: c.Level, keeper: Keeper) -> None:
        """Write features of the codes from -255 to 255, and the tables, which levels share."""
        codes = np.arange(1 - MAGNITUDES, MAGNITUDES)
        magnitude = self._kind.magnitude[np.abs(codes)]
        signed = np.stack([magnitude * np.sign(codes), magnitude], axis=1).astype(np.int16)
        structure.features = keeper.keep(signed.view(np.uint32), np.uint32)
        tables = self._kind.tables
        if id(tables) not in keeper.tables_of:
            keeper.tables_of[id(tables)] = _tables(tables, keeper)
        structure.tables = ctypes.pointer(keeper.tables_of[id(tables)])

    def chosen_by(self, choice: Choice) -> ChosenBy:
        """See `CompiledKind`."""
        if not isinstance(choice, GridChoice) or len(choice.latents) != self._channels:
            raise CodingError("a level with a grid needs latents of a grid of as many channels.")
        structure = c.GridChoice(bit_price=choice.bit_price, deadzone=choice.deadzone)
        single = choice.latents.dtype == np.float32
        latents = np.ascontiguousarray(choice.latents, np.float32 if single else np.float64)
        if single:
            structure.latents32 = latents.ctypes.data
        else:
            structure.latents64 = latents.ctypes.data
        return ChosenBy("vqz_choose_grid", (structure,), (latents,))

    def drawer(self, source: RandomCodes) -> Drawer:
        """See `CompiledKind`."""
        drawer = _plain_drawer(source)
        tables = []
        for counts in (self._kind.tables.narrow, self._kind.tables.wide):
            rows = counts.reshape(-1, counts.shape[-1]).astype(np.float64)
            weights = (rows / rows.max(-1, initial=1, keepdims=True)) ** (1.0 / source.temperature)
            tables.append(np.ascontiguousarray(weights.cumsum(-1)))
        narrow, wide = tables
        drawer.structure.narrow = narrow.ctypes.data if narrow.size else None
        drawer.structure.wide = wide.ctypes.data
        return Drawer(drawer.structure, (*drawer.kept, narrow, wide))


class CompiledCodebook:
    """Codes of codebooks.

    Args:
        kind: their embedding.
        channels: codes at a position.
    """

    def __init__(self, kind: Codebook, channels: int) -> None:
        self._kind, self._channels = kind, channels

    def fill(self, structure: c.Level, keeper: Keeper) -> None:
        """Write the features of every codeword by channel, and the table of powers of two."""
        padded = np.pad(self._kind.embedding, ((0, 0), (0, 0), (0, self._kind.width % 2)))
        words = np.ascontiguousarray(padded).view(np.uint32)
        structure.codewords = self._kind.outputs
        structure.features = keeper.keep(words, np.uint32)
        structure.exp2 = keeper.keep(exp2_table(), np.uint32)

    def chosen_by(self, choice: Choice) -> ChosenBy:
        """See `CompiledKind`."""
        if not isinstance(choice, CodebookChoice) or not self._fits(choice):
            raise CodingError("a level with codebooks needs latents of codebooks of the same size.")
        groups, depth, _, dim = choice.codebooks.shape
        whole = whole_numbers(choice)
        residuals = np.ascontiguousarray(whole.residuals.transpose(2, 3, 0, 1))
        codewords = np.ascontiguousarray(whole.codewords.transpose(0, 1, 3, 2))
        norms = np.ascontiguousarray((whole.codewords**2).sum(-1))
        bits = bits_of_count()
        structure = c.BookChoice(
            residuals=residuals.ctypes.data,
            codewords=codewords.ctypes.data,
            norms=norms.ctypes.data,
            bits=bits.ctypes.data,
            groups=groups,
            depth=depth,
            dim=dim,
            unit=whole.unit,
            bit_price=choice.bit_price,
        )
        return ChosenBy("vqz_choose_book", (structure,), (residuals, codewords, norms, bits))

    def drawer(self, source: RandomCodes) -> Drawer | None:
        """See `CompiledKind`: rows that are computed on the way would need NumPy's power function."""
        return _plain_drawer(source) if source.temperature == 1 else None

    def _fits(self, choice: CodebookChoice) -> bool:
        groups, depth, size, dim = choice.codebooks.shape
        shapes = (groups * depth, size, len(choice.z_e))
        return shapes == (self._channels, self._kind.outputs, groups * dim)


KINDS: dict[type, Callable[[Any, int], CompiledKind]] = {
    Grid: CompiledGrid,
    Codebook: CompiledCodebook,
}
"""By the class of a level's tables."""


def compiled_kind(level: LevelPrior) -> CompiledKind:
    """Return the kind of the codes of a level."""
    return KINDS[type(level.kind)](level.kind, level.channels)


def _plain_drawer(source: RandomCodes) -> Drawer:
    """Return the structure with NumPy's random numbers, without tables."""
    interface = source.generator.bit_generator.ctypes
    next_double = ctypes.cast(interface.next_double, ctypes.c_void_p).value
    structure = c.Drawer(next_double=next_double, generator=interface.state_address)
    return Drawer(structure, (interface,))


def _tables(tables: LogisticTables, keeper: Keeper) -> c.Tables:
    return c.Tables(
        narrow=keeper.keep(_boundaries(tables.narrow, _NARROW_STRIDE), np.uint32),
        wide=keeper.keep(_boundaries(tables.wide, _WIDE_STRIDE), np.uint32),
        low_bits=keeper.keep(np.repeat(tables.low_bits, 16), np.uint8),
        escape_order=keeper.keep(np.repeat(tables.escape_order, 16), np.uint8),
        window_bits=keeper.keep(GridCoder(tables).window_bits, np.float64),
        narrow_rows=16 * len(tables.narrow),
    )


def _boundaries(counts: NDArray[np.int64], stride: int) -> NDArray[np.int64]:
    """Return where each symbol begins in 2^24, and the end, in rows of `stride` entries."""
    rows = counts.reshape(-1, counts.shape[-1])
    size = rows.shape[1]
    before = np.concatenate([np.zeros((len(rows), 1), np.int64), rows.cumsum(1)], axis=1)
    boundaries = before * (_POINTS - size) // TOTAL + np.arange(size + 1)
    return np.pad(boundaries, ((0, 0), (0, stride - size - 1)))
