"""The interface between tiles of samples and what codes them, and the choice of the fastest."""

from __future__ import annotations

from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from vqzip.prior.compiled.library import library
from vqzip.prior.pixels.model import PixelPrior

Samples = NDArray[np.uint16]
"""Samples of a tile, `(planes, H, W)`: gray, or green, red, blue."""


class PixelBackend(Protocol):
    """Codes the samples of a tile. Every backend gives the same bytes."""

    def write(self, samples: Samples, depth: int, known: int) -> bytes:
        """Return the stream of a tile.

        Args:
            samples: of the tile.
            depth: bits of a sample, 8 or 16.
            known: samples whose row and column are multiples of it are left out; 0 for none.

        Raises:
            CodingError: a sample has more bits than `depth`.
        """

    def read(self, data: bytes, samples: Samples, depth: int, known: int) -> None:
        """Fill in the samples of a tile from its stream.

        Args:
            data: the stream.
            samples: of the tile; those that `known` leaves out are there already.
            depth: bits of a sample, 8 or 16.
            known: as it was written.

        Raises:
            InvalidFile: the stream is damaged.
        """


def backend_for(prior: PixelPrior) -> PixelBackend:
    """Return the fastest backend of this machine.

    Raises:
        UsageError: the variable `VQZIP_WALK` asks for what is not there.
    """
    compiled = library()
    if compiled is None:
        from vqzip.prior.pixels.python import PythonPixels

        return PythonPixels(prior)
    from vqzip.prior.compiled.pixels import CompiledPixels

    return CompiledPixels(prior, compiled)
