"""The interface of the networks in the codec, for any library that runs them: arrays in, arrays out.

Arrays are float32 `(channels, rows, columns)` of one crop of a picture.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

NO_PICTURES = "the levels of this model hold no pictures; decode the whole picture and reduce it."

Floats = NDArray[np.float32]

Part = tuple[slice, slice]
"""Rows and columns of the pixels of a crop."""


@contextmanager
def own_floats() -> Iterator[None]:
    """Ignore overflow and similar errors of NumPy, whatever the caller has set.

    Also a decorator. The numbers of a hostile model or file may overflow; pixels are clipped at the end.
    """
    with np.errstate(all="ignore"):
        yield


class Analysis(Protocol):
    """The latents of a crop, coarse level first, each given the quantized coarser levels."""

    def latents(self, level: int) -> Floats:
        """Return a level's latents `(G * dim, h, w)`; `take` has been called for all coarser levels."""
        ...

    def take(self, level: int, quantized: Floats) -> None:
        """Store the quantized latents of a level, `(G * dim, h, w)`."""
        ...


class Transform(Protocol):
    """Networks between pixels and the latents of every level.

    Attributes:
        conditional: whether latents depend on the codes of coarser levels; if not, `Analysis.take` need
            not be called.
    """

    conditional: bool

    def analyze(self, pixels: Floats, step: float) -> Analysis:
        """Return the latents of a crop.

        Args:
            pixels: `(3, H, W)`, 0 to 255; sides are whole cells of the coarsest level.
            step: of the grids, in pixel values; networks for codebooks ignore it.
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

    def reduced(self, quantized: Sequence[Floats], step: float, part: Part) -> Floats:
        """Return pixels at the size that the first levels hold, `(3, rows, columns)`, not clipped.

        `VqvaeConfig.levels_of_reduction` gives the numbers of levels that hold a picture.

        Args:
            quantized: what the codes of the first levels stand for, in the whole crop.
            step: of the grids.
            part: rows and columns of the reduced picture.

        Raises:
            ModelError: the levels of these networks hold no pictures.
        """
        ...
