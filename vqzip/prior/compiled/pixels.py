"""The pixel prior on the compiled walk: one call for a tile."""

from __future__ import annotations

import ctypes
from typing import Any

import numpy as np
from numpy.typing import NDArray

from vqzip.entropy.counts import exp2_table
from vqzip.errors import CodingError
from vqzip.prior.compiled import structures as c
from vqzip.prior.compiled.library import Library
from vqzip.prior.compiled.pack import lane_pairs, pairs, whole_lanes
from vqzip.prior.compiled.streams import CompiledReader, CompiledWriter
from vqzip.prior.pixels.model import PixelLayer, PixelPrior
from vqzip.prior.pixels.spec import COARSE_STRIDE

Samples = NDArray[np.uint16]

NOTE = np.dtype([("prediction", np.int32), ("expected", np.int32), ("features", np.int16, (70,))])
"""What was known about a sample; see `PixelNote` in `source/pixel_model.h`."""


class CompiledPixels:
    """Codes tiles of samples; see `vqzip.prior.pixels.backend.PixelBackend`.

    Args:
        prior: to pack.
        library: the compiled library.
    """

    def __init__(self, prior: PixelPrior, library: Library) -> None:
        self._library = library
        self._kept: list[NDArray[Any]] = []
        self._model = c.PixelModel(
            first_weights=self._keep(prior.first_weights, np.int32),
            reciprocal=self._keep(prior.reciprocal, np.int32),
            deviation=self._keep(prior.deviation, np.int32),
            narrowness=self._keep(prior.narrowness, np.int64),
            logistic=self._keep(prior.logistic, np.int32),
            exponential=self._keep(exp2_table(), np.int32),
        )
        for plane, network in enumerate(prior.networks):
            for number, layer in enumerate(network):
                self._model.layers[plane][number] = self._layer(layer, first=number == 0)

    def write(self, samples: Samples, depth: int, known: int) -> bytes:
        """Return the stream of a tile; see `PixelBackend`."""
        writer = CompiledWriter(self._library)
        job, kept = _job(samples, depth, known)
        self._call("vqz_write_pixels", job, writer.structure)
        del kept
        return writer.finish()

    def read(self, data: bytes, samples: Samples, depth: int, known: int) -> None:
        """Fill in the samples of a tile; see `PixelBackend`."""
        reader = CompiledReader(data)
        job, kept = _job(samples, depth, known)
        self._call("vqz_read_pixels", job, reader.structure)
        reader.finish()
        samples[:] = kept

    def notes(self, samples: Samples, depth: int) -> NDArray[np.void]:
        """Return what the networks would see of each sample of a tile, for training.

        Args:
            samples: `(planes, H, W)`.
            depth: bits of a sample, 8 or 16.

        Returns:
            `(planes, H, W)` of `NOTE`.
        """
        notes = np.zeros(samples.shape, NOTE)
        job, kept = _job(samples, depth, COARSE_STRIDE)
        self._call("vqz_note_pixels", job, ctypes.c_void_p(notes.ctypes.data))
        del kept
        return notes

    def _call(self, name: str, job: c.PixelJob, to: object) -> None:
        function = getattr(self._library.functions, name)
        result = c.Result(function(self._model, job, to, self._library.kernels))
        if result == c.Result.DONE:
            return
        if result == c.Result.NO_MEMORY:
            raise MemoryError
        if result == c.Result.CODE_TOO_LARGE:
            raise CodingError(f"samples must have at most {job.depth} bits.")
        raise CodingError("the sizes of a tile of samples contradict each other.")

    def _keep(self, array: NDArray[Any], dtype: type[np.generic]) -> int:
        kept = np.ascontiguousarray(array, dtype)
        self._kept.append(kept)
        return int(kept.ctypes.data)

    def _layer(self, layer: PixelLayer, *, first: bool) -> c.PixelLayer:
        weight = (pairs if first else lane_pairs)(layer.weight)
        bias, shift = whole_lanes(layer.bias[None]), whole_lanes(layer.shift[None])
        return c.PixelLayer(
            weights=c.Weights(
                self._keep(weight.transpose(0, 2, 1), np.int16), weight.shape[0], weight.shape[2]
            ),
            rounding=c.Rounding(
                self._keep(bias, np.int32), self._keep(shift, np.int32), 1, bias.shape[1]
            ),
        )


def _job(samples: Samples, depth: int, known: int) -> tuple[c.PixelJob, Samples]:
    """Return a tile as a structure, and the array that it points to."""
    kept = np.array(samples, np.uint16, order="C")
    planes, height, width = kept.shape
    job = c.PixelJob(planes, height, width, depth, known, ctypes.c_void_p(kept.ctypes.data))
    return job, kept
