"""Weights of a model folder for graphs, with all checks."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from vqzip.autoencoders.transform import Floats
from vqzip.errors import ModelError

STORED_TYPES = (np.dtype(np.float32), np.dtype(np.float16))


class Weights:
    """Tensors by name; each is requested with its shape from the configuration.

    Args:
        tensors: as in the file.
    """

    def __init__(self, tensors: Mapping[str, NDArray[np.generic]]) -> None:
        self._tensors = tensors
        self._taken: set[str] = set()
        self._start = ""

    def part(self, name: str) -> Weights:
        """Return the tensors whose names start with `name.`, by the rest of their names."""
        part = Weights(self._tensors)
        part._taken, part._start = self._taken, f"{self._start}{name}."
        return part

    def take(self, name: str, *shape: int) -> Floats:
        """Return a tensor in float32.

        Raises:
            ModelError: it is missing, has another shape or type, or holds a number that is not finite.
        """
        full = self._start + name
        tensor = self._tensors.get(full)
        if tensor is None:
            raise ModelError(f"the weights lack the tensor '{full}'.")
        if tensor.shape != shape:
            raise ModelError(f"the tensor '{full}' must have shape {shape}, got {tensor.shape}.")
        if tensor.dtype not in STORED_TYPES:
            raise ModelError(f"the tensor '{full}' must be float32, got {tensor.dtype}.")
        if not np.isfinite(tensor).all():
            raise ModelError(f"the tensor '{full}' holds a number that is not finite.")
        self._taken.add(full)
        return tensor.astype(np.float32)

    def layer(self, name: str, *shape: int, transposed: bool = False) -> tuple[Floats, Floats]:
        """Return the weight of a layer, of this shape, and its bias: a number for each output.

        Args:
            name: of the layer.
            shape: of the weight.
            transposed: whether outputs are the second axis of the weight, as in `ConvTranspose2d`.
        """
        part = self.part(name)
        return part.take("weight", *shape), part.take("bias", shape[1 if transposed else 0])

    def expect_all_taken(self) -> None:
        """Refuse a file with more tensors.

        Raises:
            ModelError: a tensor was not requested.
        """
        unknown = sorted(set(self._tensors) - self._taken)
        if unknown:
            raise ModelError(f"the weights have an unknown tensor '{unknown[0]}'.")
