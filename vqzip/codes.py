"""The codes of a picture, and the inputs for choosing codes."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from vqzip.errors import CodingError
from vqzip.hierarchy import Hierarchy
from vqzip.quality import Quality

CodeMap = NDArray[np.int32]
"""Codes of one level, `(C, H, W)`: its groups x depth channels."""


@dataclass(frozen=True)
class Frame:
    """The facts about a picture that come before its codes.

    Args:
        width: in pixels.
        height: in pixels.
        quality: of its codes.
        gray: whether it has one channel.
    """

    width: int
    height: int
    quality: Quality
    gray: bool


@dataclass(frozen=True, eq=False)
class Codes(Frame):
    """The codes of a picture, with all that is needed to decode them to pixels.

    Args:
        levels: an int32 array `(G, D, H, W)` for each level, coarse first: groups, depth (residual stages),
            rows, columns. `H` and `W` are the picture's size divided by the level's stride, rounded up.

    Raises:
        CodingError: a level is not a four-dimensional int32 array.
    """

    levels: tuple[NDArray[np.int32], ...]

    def __post_init__(self) -> None:
        for number, level in enumerate(self.levels):
            if level.ndim != 4 or level.dtype != np.int32:
                raise CodingError(
                    f"level {number} must be an int32 array (G, D, H, W), "
                    f"got {level.dtype} {level.shape}"
                )

    @classmethod
    def blank(cls, hierarchy: Hierarchy, frame: Frame) -> Codes:
        """Return codes that are all 0, to be filled in."""
        shapes = hierarchy.shapes(frame.height, frame.width)
        levels = [
            # Untouched pages of zeros take no memory, which matters when a region is decoded.
            np.zeros((level.groups, level.depth, *shape), np.int32)
            for level, shape in zip(hierarchy.levels, shapes, strict=True)
        ]
        own = {name: getattr(frame, name) for name in Frame.__dataclass_fields__}
        return cls(**own, levels=tuple(levels))

    @property
    def maps(self) -> list[CodeMap]:
        """The same codes, `(G * D, H, W)` for each level."""
        return [level.reshape(-1, *level.shape[2:]) for level in self.levels]

    def check_shapes(self, hierarchy: Hierarchy) -> None:
        """Check that the codes are those of a picture of this size.

        Raises:
            CodingError: they are not.
        """
        expected = [level.shape for level in Codes.blank(hierarchy, self).levels]
        found = [level.shape for level in self.levels]
        if found != expected:
            raise CodingError(
                f"codes for {self.width} x {self.height} pixels have the shapes {expected}, got {found}."
            )

    def sha256(self) -> str:
        """Return a digest over shapes and codes: equal digests mean equal codes."""
        digest = hashlib.sha256()
        for level in self.levels:
            digest.update(np.asarray(level.shape, "<i8").tobytes())
            digest.update(np.ascontiguousarray(level, dtype="<i4").tobytes())
        return digest.hexdigest()

    def equals(self, other: Codes) -> bool:
        """Return whether every code of every level is the same."""
        return len(self.levels) == len(other.levels) and all(
            np.array_equal(a, b) for a, b in zip(self.levels, other.levels, strict=True)
        )


@dataclass(frozen=True)
class GridChoice:
    """Latents whose codes on a grid are chosen by rate and distortion.

    Args:
        latents: `(C, H, W)` float, in steps of the grid.
        bit_price: of a bit, in squared steps; with 0 the nearest code always wins.
        deadzone: rounding offset; |z| becomes floor(|z| + deadzone), so 0.5 rounds to the nearest
            and less rounds toward zero.
    """

    latents: NDArray[np.floating]
    bit_price: float
    deadzone: float = 0.5

    @property
    def shape(self) -> tuple[int, int]:
        """(H, W) of the map."""
        _, height, width = self.latents.shape
        return height, width


@dataclass(frozen=True)
class CodebookChoice:
    """Latents whose codewords are chosen by rate and distortion.

    Args:
        z_e: `(G * dim, H, W)` float, encoder outputs.
        codebooks: `(G, D, K, dim)` float.
        bit_price: of a bit, in squared units of z_e; with 0 the nearest codeword always wins.
    """

    z_e: NDArray[np.floating]
    codebooks: NDArray[np.floating]
    bit_price: float

    @property
    def shape(self) -> tuple[int, int]:
        """(H, W) of the map."""
        _, height, width = self.z_e.shape
        return height, width


Choice = GridChoice | CodebookChoice
