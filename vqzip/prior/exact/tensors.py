"""Tensors of a model folder, taken by name, each with its type and shape checked."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from vqzip.errors import ModelError
from vqzip.prior.exact.dense import IntegerDense
from vqzip.prior.spec import LARGEST_ACTIVATION

Entry = TypeVar("Entry", bound=np.generic)
Tensors = Mapping[str, NDArray[np.generic]]


class TensorTaker:
    """Returns tensors by name, and remembers which were used.

    Attributes:
        largest_inputs: largest magnitudes of the inputs of each layer; set before layers are taken.
    """

    def __init__(self, tensors: Tensors, conditions: int) -> None:
        self.largest_inputs: Mapping[str, NDArray[np.int64]] = {}
        self._tensors = tensors
        self._conditions = conditions
        self._taken: set[str] = set()

    def int16(self, name: str) -> NDArray[np.int16]:
        """Return a tensor of int16."""
        return self._take(name, np.dtype(np.int16))

    def int64(self, name: str) -> NDArray[np.int64]:
        """Return a tensor of int64."""
        return self._take(name, np.dtype(np.int64))

    def dense(self, name: str, outputs: int) -> IntegerDense:
        """Return a layer.

        Raises:
            ModelError: its tensors do not fit the configuration.
        """
        weight, bias = self.int16(f"{name}.weight"), self.int64(f"{name}.bias")
        inputs = self.largest_inputs[name]
        expected = ((len(inputs), outputs), (self._conditions, outputs))
        if (weight.shape, bias.shape) != expected:
            raise ModelError(
                f"{name} must have {len(inputs)} inputs, {outputs} outputs and {self._conditions} "
                f"conditions, got weights {weight.shape} and biases {bias.shape}."
            )
        return IntegerDense(weight, bias, self.int64(f"{name}.shift"), name, inputs)

    def expect_all_taken(self) -> None:
        """Refuse tensors that were not used.

        Raises:
            ModelError: there is one.
        """
        unknown = sorted(set(self._tensors) - self._taken)
        if unknown:
            raise ModelError(f"the exact prior has an unknown tensor '{unknown[0]}'.")

    def _take(self, name: str, dtype: np.dtype[Entry]) -> NDArray[Entry]:
        if name not in self._tensors:
            raise ModelError(f"the exact prior lacks the tensor '{name}'.")
        self._taken.add(name)
        tensor = self._tensors[name]
        if tensor.dtype != dtype:
            raise ModelError(f"the tensor '{name}' must be {dtype}, got {tensor.dtype}.")
        return tensor.astype(dtype)


def largest_entry(name: str, table: NDArray[np.int16]) -> int:
    """Return the largest magnitude of a table of features.

    Raises:
        ModelError: it is larger than activations can be.
    """
    largest = int(np.abs(table.astype(np.int64)).max(initial=0))
    if largest > LARGEST_ACTIVATION:
        raise ModelError(f"{name} must lie within {LARGEST_ACTIVATION} of zero.")
    return largest
