"""Weights from a file into a network, with nothing taken on trust."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TypeVar

import torch
from torch import Tensor, nn

from vqzip.autoencoders.arithmetic import own_arithmetic
from vqzip.errors import ModelError

STORED_TYPES = (torch.float32, torch.float16)
"""A network's float32 tensor may be stored as either."""

Network = TypeVar("Network", bound=nn.Module)


def with_weights(build: Callable[[], Network], weights: Mapping[str, Tensor]) -> Network:
    """Return a network on the CPU that has the weights of a file.

    Args:
        build: makes the network from its configuration.
        weights: by name, as the file holds them.

    Raises:
        ModelError: a tensor is missing, is unknown, has another shape or type than the network's, or
            holds a number that is not finite.
    """
    with own_arithmetic():
        # Without memory first: what the configuration asks for must be there in the file.
        with torch.device("meta"):
            expected = build().state_dict()
        _check(expected, weights)
        with torch.device("cpu"):
            network = build()
        network.load_state_dict(dict(weights))
    return network


def _check(expected: Mapping[str, Tensor], weights: Mapping[str, Tensor]) -> None:
    missing, unknown = sorted(set(expected) - set(weights)), sorted(set(weights) - set(expected))
    if missing:
        raise ModelError(f"the weights lack the tensor '{missing[0]}'.")
    if unknown:
        raise ModelError(f"the weights have an unknown tensor '{unknown[0]}'.")
    for name, tensor in weights.items():
        wanted = expected[name]
        if tensor.shape != wanted.shape:
            raise ModelError(
                f"the tensor '{name}' must have shape {tuple(wanted.shape)}, "
                f"got {tuple(tensor.shape)}."
            )
        if tensor.dtype not in (STORED_TYPES if wanted.dtype == torch.float32 else (wanted.dtype,)):
            raise ModelError(f"the tensor '{name}' must be {wanted.dtype}, got {tensor.dtype}.")
        if tensor.is_floating_point() and not bool(tensor.isfinite().all()):
            raise ModelError(f"the tensor '{name}' holds a number that is not finite.")
