"""The layers of a level, ready for NumPy."""

from __future__ import annotations

from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from vqzip.codes import Choice
from vqzip.prior.exact.level import LevelPrior
from vqzip.prior.numpy.parameters import Parameters
from vqzip.prior.numpy.products import DenseProducts, Floats
from vqzip.prior.numpy.sources import CodeSource
from vqzip.prior.order import Order


class CodeRunner(Protocol):
    """Runs one kind of codes."""

    def features(
        self, channels: NDArray[np.intp], codes: NDArray[np.int64], /
    ) -> NDArray[np.float32]:
        """Return the features `(n, g * width)` of a stage's codes `(n, g)`, code after code."""

    def parameters(self, out: Floats, base16: NDArray[np.int64] | None, /) -> Parameters:
        """Return parameters of g codes.

        Args:
            out: `(n, g * outputs)` floats, integers.
            base16: `(n, g)` int64, start values of the means in sixteenths of a step; None for 0.
        """

    def chooser(self, choice: Choice, order: Order, /) -> CodeSource:
        """Return the chooser of the codes of a level.

        Raises:
            CodingError: the choice is between codes of another kind.
        """


class LevelLayers:
    """The layers of one level.

    Args:
        prior: of the level.
        kind: of its codes.
    """

    def __init__(self, prior: LevelPrior, kind: CodeRunner) -> None:
        self.prior, self.kind = prior, kind
        self.state = DenseProducts(prior.state_layer)
        self.taps = DenseProducts(prior.taps_layer)
        self.hidden = [DenseProducts(stage.hidden) for stage in prior.stages]
        self.out = [DenseProducts(stage.out) for stage in prior.stages]
        self.update = [DenseProducts(layer) for layer in prior.update]
