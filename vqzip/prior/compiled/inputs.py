"""Converts choices and random numbers for the compiled walk."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from vqzip.codes import CodebookChoice, GridChoice
from vqzip.entropy.counts import bits_of_count
from vqzip.errors import CodingError
from vqzip.prior.backend import RandomCodes
from vqzip.prior.compiled import structures as c
from vqzip.prior.exact.grids import Grid
from vqzip.prior.exact.level import LevelPrior
from vqzip.prior.fixed_point import whole_numbers


@dataclass(frozen=True)
class Choice:
    """How codes are chosen.

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


def choice_of(choice: GridChoice | CodebookChoice, level: LevelPrior) -> Choice:
    """Return a choice for the library.

    Raises:
        CodingError: it has another kind of codes than the level, or other sizes.
    """
    if isinstance(choice, GridChoice):
        return _grid_choice(choice, level)
    return _codebook_choice(choice, level)


def _grid_choice(choice: GridChoice, level: LevelPrior) -> Choice:
    if not isinstance(level.kind, Grid) or len(choice.latents) != level.channels:
        raise CodingError("latents of a grid need a level with a grid of as many channels.")
    structure = c.GridChoice(bit_price=choice.bit_price, deadzone=choice.deadzone)
    single = choice.latents.dtype == np.float32
    latents = np.ascontiguousarray(choice.latents, np.float32 if single else np.float64)
    if single:
        structure.latents32 = latents.ctypes.data
    else:
        structure.latents64 = latents.ctypes.data
    return Choice("vqz_choose_grid", (structure,), (latents,))


def _codebook_choice(choice: CodebookChoice, level: LevelPrior) -> Choice:
    groups, depth, size, dim = choice.codebooks.shape
    fits = groups * depth == level.channels and size == level.kind.outputs
    if isinstance(level.kind, Grid) or not fits or len(choice.z_e) != groups * dim:
        raise CodingError("latents of codebooks need a level with codebooks of the same size.")
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
    return Choice("vqz_choose_book", (structure,), (residuals, codewords, norms, bits))


def drawer_of(source: RandomCodes, level: LevelPrior) -> Drawer | None:
    """Return the structure for sampling as NumPy's walk does, or None if only NumPy can do it.

    Rows of counts that are computed on the way, as for codebooks, would need NumPy's power function.
    """
    interface = source.generator.bit_generator.ctypes
    structure = c.Drawer(
        next_double=_address(interface.next_double), generator=interface.state_address
    )
    if not isinstance(level.kind, Grid):
        return Drawer(structure, (interface,)) if source.temperature == 1 else None
    tables = []
    for counts in (level.kind.tables.narrow, level.kind.tables.wide):
        rows = counts.reshape(-1, counts.shape[-1]).astype(np.float64)
        weights = (rows / rows.max(-1, initial=1, keepdims=True)) ** (1.0 / source.temperature)
        tables.append(np.ascontiguousarray(weights.cumsum(-1)))
    narrow, wide = tables
    structure.narrow = narrow.ctypes.data if narrow.size else None
    structure.wide = wide.ctypes.data
    return Drawer(structure, (interface, narrow, wide))


def _address(function: object) -> int | None:
    """Return the address of a C function."""
    import ctypes

    return ctypes.cast(function, ctypes.c_void_p).value  # type: ignore[arg-type]
