"""Codes of learned codebooks, run by NumPy: features, parameters, and the choice by rate and distortion."""

from __future__ import annotations

from dataclasses import dataclass
from typing import cast

import numpy as np
from numpy.typing import NDArray

from vqzip.codes import Choice, CodebookChoice
from vqzip.entropy.ans import SymbolPort
from vqzip.entropy.counts import bits_of_count, counts_from_logits
from vqzip.errors import CodingError
from vqzip.prior.exact.codebooks import Codebook
from vqzip.prior.fixed_point import whole_numbers
from vqzip.prior.numpy.parameters import Parameters
from vqzip.prior.numpy.products import Floats
from vqzip.prior.numpy.sources import Place
from vqzip.prior.order import Order


@dataclass(frozen=True)
class CodebookParameters:
    """Codes of codebooks, each with a row of counts.

    Args:
        counts: `(n, g, K)` int64, rows that sum to 2^16.
    """

    counts: NDArray[np.int64]

    @property
    def shape(self) -> tuple[int, int]:
        """Return (n, g)."""
        n, g, _ = self.counts.shape
        return n, g

    def exchange(self, port: SymbolPort, codes: NDArray[np.int64]) -> NDArray[np.int64]:
        """Exchange codes through a port; see `Parameters`.

        With a codebook of one codeword there is nothing to code.
        """
        size = self.counts.shape[-1]
        if codes.size and (codes.min() < 0 or codes.max() >= size):
            raise CodingError(f"codes of a codebook of {size} must lie in 0..{size - 1}.")
        if size == 1:
            return codes
        passed = port.exchange_counts(self.counts.reshape(-1, size), codes.reshape(-1))
        return passed.reshape(codes.shape)

    def bits(self, codes: NDArray[np.int64]) -> NDArray[np.float64]:
        """Return the code length in bits; see `Parameters`."""
        position, channel = np.indices(self.shape)
        return bits_of_count()[self.counts[position, channel, codes]]

    def bits_of_all(self) -> NDArray[np.float64]:
        """Return the code length in bits of every codeword, `(n, g, K)`."""
        return bits_of_count()[self.counts]

    def part(self, positions: slice) -> CodebookParameters:
        """Return the parameters of some of the positions."""
        return CodebookParameters(self.counts[positions])


class CodebookRunner:
    """Runs the codes of a level with codebooks.

    Args:
        codebook: tables of the prior.
    """

    def __init__(self, codebook: Codebook) -> None:
        self._embedding = codebook.embedding.astype(np.float32)
        self._codewords = codebook.outputs

    def features(self, channels: NDArray[np.intp], codes: NDArray[np.int64]) -> NDArray[np.float32]:
        """Return the features of a stage's codes, code after code.

        Raises:
            CodingError: a code lies outside its codebook.
        """
        if codes.size and (codes.min() < 0 or codes.max() >= self._codewords):
            raise CodingError(
                f"codes of a codebook of {self._codewords} must lie in 0..{self._codewords - 1}."
            )
        return self._embedding[channels, codes].reshape(len(codes), -1)

    def parameters(self, out: Floats, _base16: NDArray[np.int64] | None) -> CodebookParameters:
        """Return counts; see `CodeRunner`."""
        logits = out.astype(np.int64).reshape(len(out), -1, self._codewords)
        return CodebookParameters(counts_from_logits(logits))

    def chooser(self, choice: Choice, _order: Order) -> CodebookChooser:
        """Return the chooser of the codes of a level.

        Raises:
            CodingError: the choice is between codes of a grid.
        """
        if not isinstance(choice, CodebookChoice):
            raise CodingError("latents of a grid need a model with a logistic head.")
        return CodebookChooser(choice)


class CodebookChooser:
    """Chooses codewords of learned codebooks, residual stage after residual stage.

    Args:
        choice: encoder outputs, codebooks and the price of a bit.
    """

    def __init__(self, choice: CodebookChoice) -> None:
        whole = whole_numbers(choice)
        self._bit_price, self._unit = choice.bit_price, whole.unit
        self._codebooks = whole.codewords
        # The residual after the codes so far, (G, dim, H, W).
        self._residuals = whole.residuals

    def codes(self, place: Place, parameters: Parameters) -> NDArray[np.int64]:
        """Return the best codes of a place; see `CodeSource`."""
        codes = np.empty(parameters.shape, np.int64)
        bits = cast("CodebookParameters", parameters).bits_of_all()
        for number, channel in enumerate(place.channels):
            group, depth = divmod(int(channel), self._codebooks.shape[1])
            codewords = self._codebooks[group, depth]
            residual = self._residuals[group][:, place.rows, place.columns]
            # ‖r - e‖² without ‖r‖², which does not depend on the codeword.
            cost = (codewords**2).sum(1) - 2.0 * residual.T @ codewords.T
            chosen = (cost * self._unit + self._bit_price * bits[:, number]).argmin(1)
            self._residuals[group][:, place.rows, place.columns] = residual - codewords[chosen].T
            codes[:, number] = chosen
        return codes
