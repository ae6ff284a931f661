"""Writes the few ONNX messages that a network needs (onnx/onnx.proto, IR version 8).

These are a dozen fields in the encoding of Protocol Buffers: a key (number and kind of the field), then a
varint, or a length and that many bytes. Importing the package `onnx` would take longer than decoding a
picture.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

IR_VERSION = 8
OPSET = 17
"""Versions that ONNX Runtime has read since 1.12 (2022)."""

_FLOAT, _INT64 = 1, 7
"""`TensorProto.DataType`."""

_VARINT, _BYTES, _FIXED32 = 0, 2, 5
"""Kinds of fields."""

Attribute = int | float | str | Sequence[int]


def model(graph: bytes) -> bytes:
    """Return a `ModelProto` of a graph."""
    opset = _bytes(1, b"") + _number(2, OPSET)
    return _number(1, IR_VERSION) + _bytes(2, b"vqzip") + _bytes(7, graph) + _bytes(8, opset)


def graph(
    nodes: Iterable[bytes],
    tensors: Mapping[str, NDArray[np.generic]],
    inputs: Mapping[str, Sequence[int | str]],
    outputs: Mapping[str, Sequence[int | str]],
) -> bytes:
    """Return a `GraphProto`.

    Args:
        nodes: from `node`, each after those whose outputs it takes.
        tensors: constants by name, float32 or int64.
        inputs: shapes by name; a word stands for an unknown length. All are float32.
        outputs: the same.
    """
    return b"".join(
        [
            *(_bytes(1, node) for node in nodes),
            _bytes(2, b"network"),
            *(_bytes(5, _tensor(name, values)) for name, values in tensors.items()),
            *(_bytes(11, _value(name, shape)) for name, shape in inputs.items()),
            *(_bytes(12, _value(name, shape)) for name, shape in outputs.items()),
        ]
    )


def node(
    operator: str,
    inputs: Iterable[str],
    outputs: Sequence[str],
    attributes: Mapping[str, Attribute],
) -> bytes:
    """Return a `NodeProto`: one operation.

    It has the name of its first output, for older releases of ONNX Runtime name what they join by it.
    """
    return b"".join(
        [
            *(_text(1, name) for name in inputs),
            *(_text(2, name) for name in outputs),
            _text(3, outputs[0]),
            _text(4, operator),
            *(_bytes(5, _attribute(name, value)) for name, value in attributes.items()),
        ]
    )


def _attribute(name: str, value: Attribute) -> bytes:
    # Fields of a value by its kind: f, i, s, ints; `type` says which.
    if isinstance(value, float):
        kind, content = 1, _key(2, _FIXED32) + struct.pack("<f", value)
    elif isinstance(value, int):
        kind, content = 2, _number(3, value)
    elif isinstance(value, str):
        kind, content = 3, _text(4, value)
    else:
        kind, content = 7, b"".join(_number(8, each) for each in value)
    return _text(1, name) + content + _number(20, kind)


def _tensor(name: str, values: NDArray[np.generic]) -> bytes:
    kind = _FLOAT if values.dtype.kind == "f" else _INT64
    raw = np.ascontiguousarray(values, "<f4" if kind == _FLOAT else "<i8").tobytes()
    dims = b"".join(_number(1, side) for side in values.shape)
    return dims + _number(2, kind) + _text(8, name) + _bytes(9, raw)


def _value(name: str, shape: Sequence[int | str]) -> bytes:
    dims = b"".join(
        _bytes(1, _text(2, side) if isinstance(side, str) else _number(1, side)) for side in shape
    )
    tensor = _number(1, _FLOAT) + _bytes(2, dims)
    return _text(1, name) + _bytes(2, _bytes(1, tensor))


def _text(field: int, value: str) -> bytes:
    return _bytes(field, value.encode())


def _bytes(field: int, value: bytes) -> bytes:
    return _key(field, _BYTES) + _varint(len(value)) + value


def _number(field: int, value: int) -> bytes:
    return _key(field, _VARINT) + _varint(value)


def _key(field: int, kind: int) -> bytes:
    return _varint(field << 3 | kind)


def _varint(value: int) -> bytes:
    value &= (1 << 64) - 1  # negative numbers as 64 bits in two's complement
    groups = bytearray()
    while value > 127:
        groups.append(value & 127 | 128)
        value >>= 7
    groups.append(value)
    return bytes(groups)
