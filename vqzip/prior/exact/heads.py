"""The last step of a stage: integers of the output layer to parameters of the coder."""

from __future__ import annotations

from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from vqzip.entropy.counts import LARGEST_ALPHABET, counts_from_logits
from vqzip.entropy.grid_symbols import SCALES, GridCoder, LogisticTables
from vqzip.errors import ModelError
from vqzip.prior.exact.dense import Floats
from vqzip.prior.parameters import CategoricalParameters, LogisticParameters, Parameters

LARGEST_MEAN16 = 1 << 20
"""Means of the logistic head, before the neighbors' mean is added, are clipped to this."""


class Head(Protocol):
    """How outputs become parameters."""

    @property
    def outputs(self) -> int:
        """Outputs of the network for one code."""

    def parameters(self, out: Floats, base16: NDArray[np.int64] | None, /) -> Parameters:
        """Return parameters of g codes.

        Args:
            out: `(n, g * outputs)` floats, integers.
            base16: `(n, g)` int64, what means start from, in sixteenths of a step; None for 0.
        """


class LogisticHead:
    """Means of g codes in sixteenths of a step, then g indices of scales."""

    outputs = 2

    def __init__(self, tables: LogisticTables) -> None:
        self._coder = GridCoder(tables)

    def parameters(self, out: Floats, base16: NDArray[np.int64] | None) -> Parameters:
        """Return means and scales; see `Head`."""
        codes = out.shape[1] // 2
        mean16 = out[:, :codes].clip(-LARGEST_MEAN16, LARGEST_MEAN16).astype(np.int64)
        scale = out[:, codes:].clip(0, SCALES - 1).astype(np.int64)
        if base16 is not None:
            mean16 += base16
        return LogisticParameters(self._coder, mean16, scale)


class CategoricalHead:
    """K logits for each of g codes."""

    def __init__(self, codewords: int) -> None:
        if not 1 <= codewords <= LARGEST_ALPHABET:
            raise ModelError(f"a codebook must have 1 to {LARGEST_ALPHABET} codewords.")
        self.outputs = codewords

    def parameters(self, out: Floats, _base16: NDArray[np.int64] | None) -> Parameters:
        """Return counts; see `Head`."""
        logits = out.astype(np.int64).reshape(len(out), -1, self.outputs)
        return CategoricalParameters(counts_from_logits(logits))
