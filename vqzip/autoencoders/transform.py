"""What the codec needs of the networks of a model, whatever computes them: arrays in, arrays out.

Arrays are float32 `(channels, rows, columns)` of one crop of a picture.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]

Part = tuple[slice, slice]
"""Rows and columns of the pixels of a crop."""


@contextmanager
def own_floats() -> Iterator[None]:
    """Compute with floats as they are, whatever the caller has asked NumPy to do about overflow.

    Also a decorator. The numbers of a strange model or file may overflow; pixels are clipped in the end.
    """
    with np.errstate(all="ignore"):
        yield


class Analysis(Protocol):
    """The latents of a crop, coarse level first, each given what the coarser ones became."""

    def latents(self, level: int) -> Floats:
        """Return a level's latents `(G * dim, h, w)`; `take` has been called for all coarser levels."""
        ...

    def take(self, level: int, quantized: Floats) -> None:
        """Take note of what a level's codes stand for, `(G * dim, h, w)`."""
        ...


class Transform(Protocol):
    """Networks between pixels and the latents of every level.

    Attributes:
        conditional: whether latents depend on the codes of coarser levels; `Analysis.take` may be
            left out where they do not.
    """

    conditional: bool

    def analyze(self, pixels: Floats, step: float) -> Analysis:
        """Return the latents of a crop.

        Args:
            pixels: `(3, H, W)`, 0 to 255; sides are whole cells of the coarsest level.
            step: of the grids, in pixel values; networks for codebooks do not look at it.
        """
        ...

    def synthesize(self, quantized: Sequence[Floats], step: float, part: Part) -> Floats:
        """Return the pixels of a part of the crop, `(3, rows, columns)`, not clipped.

        Args:
            quantized: what the codes of every level stand for, in the whole crop.
            step: of the grids.
            part: with start and stop.
        """
        ...
