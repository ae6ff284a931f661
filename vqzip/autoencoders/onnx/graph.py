"""Builds a network operation by operation; the graphs of all transforms use it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

from vqzip.autoencoders.onnx import protobuf
from vqzip.autoencoders.transform import Floats

Layer = tuple[Floats, Floats]
"""Weight and bias of a convolution or a matrix."""


class Graph:
    """A graph that grows by one operation a call; values are known by name.

    Args:
        inputs: shape of each input, by name; a word stands for an unknown length.
    """

    def __init__(self, inputs: Mapping[str, Sequence[int | str]]) -> None:
        self._inputs = inputs
        self._nodes: list[bytes] = []
        self._tensors: dict[str, NDArray[np.generic]] = {}

    def add(self, operator: str, *inputs: str, **attributes: protobuf.Attribute) -> str:
        """Add an operation with one output, and return the name of the output."""
        name = f"v{len(self._nodes)}"
        self._nodes.append(protobuf.node(operator, inputs, [name], attributes))
        return name

    def constant(self, values: ArrayLike) -> str:
        """Add a constant: integers as int64, others as float32."""
        name = f"c{len(self._tensors)}"
        self._tensors[name] = np.asarray(values)
        return name

    def conv(self, x: str, layer: Layer, *, stride: int = 1) -> str:
        """Add a convolution with zeros beyond the edges: `stride` divides the sides.

        Args:
            x: `(N, c, h, w)`.
            layer: weight `(channels, c, k, k)`, k odd, or 4 for a stride of 2; bias `(channels,)`.
            stride: 1 or 2.
        """
        weight, bias = map(self.constant, layer)
        kernel = layer[0].shape[2]
        pads = [(kernel - stride + 1) // 2] * 4
        return self.add("Conv", x, weight, bias, pads=pads, strides=[stride, stride])

    def doubled(self, x: str, layer: Layer) -> str:
        """Add a transposed convolution that doubles the sides; its weight is `(c, channels, 4, 4)`."""
        weight, bias = map(self.constant, layer)
        return self.add("ConvTranspose", x, weight, bias, pads=[1, 1, 1, 1], strides=[2, 2])

    def leaky(self, x: str, slope: float) -> str:
        """Add a leaky ReLU."""
        return self.add("LeakyRelu", x, alpha=slope)

    def padded(self, x: str, edge: int) -> str:
        """Repeat the edges of `(N, c, h, w)` by so many positions."""
        pads = self.constant([0, 0, edge, edge, 0, 0, edge, edge])
        return self.add("Pad", x, pads, mode="edge")

    def window_mean(self, x: str, window: int) -> str:
        """Return the mean of a square window around every position, edges repeated."""
        rows = self.add("AveragePool", self.padded(x, window // 2), kernel_shape=[window, 1])
        return self.add("AveragePool", rows, kernel_shape=[1, window])

    def made(self, outputs: Mapping[str, Sequence[int | str]]) -> bytes:
        """Return the model file.

        Args:
            outputs: shape of each output, by the name from its operation.
        """
        return protobuf.model(protobuf.graph(self._nodes, self._tensors, self._inputs, outputs))
