"""Loads weights from a file into a network in torch, with all checks."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TypeVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from vqzip.autoencoders.arithmetic import own_arithmetic
from vqzip.autoencoders.config import VqvaeConfig
from vqzip.autoencoders.discrete import Vqvae
from vqzip.errors import ModelError

STORED_TYPES = (torch.float32, torch.float16)
"""A network's float32 tensor may be stored as either."""

Network = TypeVar("Network", bound=nn.Module)


def with_weights(build: Callable[[], Network], weights: Mapping[str, Tensor]) -> Network:
    """Return a network on the CPU with the weights of a file.

    Args:
        build: builds the network from its configuration.
        weights: by name, as in the file.

    Raises:
        ModelError: a tensor is missing, is unknown, has another shape or type than the network's, or
            holds a number that is not finite.
    """
    with own_arithmetic():
        # First without memory: the file must have the tensors that the configuration needs.
        with torch.device("meta"):
            expected = build().float().state_dict()
        _check(expected, weights)
        with torch.device("cpu"):
            # By name: the type that floats get where none is named is the caller's to choose.
            network = build().float()
        network.load_state_dict(dict(weights))
    return network


def vqvae_with(config: VqvaeConfig, tensors: Mapping[str, NDArray[np.generic]]) -> Vqvae:
    """Return a VQ-VAE on the CPU, in evaluation mode, with the weights of a model folder.

    Raises:
        ModelError: as `with_weights`.
    """
    weights = {name: torch.from_numpy(tensor.copy()) for name, tensor in tensors.items()}
    vqvae = with_weights(lambda: Vqvae(config), weights)
    return vqvae.eval().requires_grad_(requires_grad=False)


def checked_device(device: str) -> torch.device:
    """Return a torch device that exists; `auto` is the GPU when there is one.

    Raises:
        ModelError: it does not exist.
    """
    if device == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    try:
        where = torch.device(device)
        torch.zeros(1, device=where).cpu()
    except (RuntimeError, AssertionError) as error:
        raise ModelError(f"the device '{device}' is not there; use the device cpu.") from error
    return where


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
