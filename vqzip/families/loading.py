"""Networks in torch from the weights of a model folder, and batches through them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, TypeVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from vqzip.autoencoders.torch_weights import checked_device, with_weights
from vqzip.errors import ModelError, PictureError
from vqzip.families.family import Stored
from vqzip.models.abilities import Pixels
from vqzip.models.folder import damaged, one_line

Network = TypeVar("Network", bound=nn.Module)

BATCH = 100
"""Pictures that go through a network at once."""


def loaded(build: Callable[[], Network], stored: Stored[Any], device: str) -> Network:
    """Return a network with the weights of a model folder, in evaluation mode on a device.

    Raises:
        ModelError: weights and configuration do not fit, or the device is missing.
    """
    weights = {name: torch.from_numpy(tensor.copy()) for name, tensor in stored.tensors.items()}
    try:
        network = with_weights(build, weights)
    except ModelError as error:
        raise damaged(stored.path, one_line(error)) from error
    return network.to(checked_device(device)).eval().requires_grad_(requires_grad=False)


def device_of(network: nn.Module) -> torch.device:
    """Return where a network is."""
    return next(network.parameters()).device


def tensors_of(network: nn.Module) -> dict[str, NDArray[Any]]:
    """Return the weights of a network as a model folder has them, by name."""
    return {name: tensor.numpy(force=True) for name, tensor in network.state_dict().items()}


def to_tensor(pixels: Pixels, device: torch.device | str = "cpu") -> Tensor:
    """Return pictures `(N, H, W, C)` uint8 as `(N, C, H, W)` int64."""
    moved = np.ascontiguousarray(pixels.transpose(0, 3, 1, 2)).astype(np.int64)
    return torch.from_numpy(moved).to(device)


def to_pixels(values: Tensor) -> Pixels:
    """Undo `to_tensor`."""
    moved: Pixels = values.to(torch.uint8).permute(0, 2, 3, 1).numpy(force=True)
    return np.ascontiguousarray(moved)


def batches(
    pixels: Pixels, network: nn.Module, size: int = BATCH
) -> Iterator[tuple[slice, Tensor]]:
    """Yield places and pictures `(n, C, H, W)` int64, where the network is."""
    for first in range(0, len(pixels), size):
        place = slice(first, first + size)
        yield place, to_tensor(pixels[place], device_of(network))


def check_pixels(name: str, pixels: Pixels, shape: tuple[int, int, int]) -> None:
    """Check that pictures have the size of a model.

    Args:
        name: of the model, for messages.
        pixels: `(N, H, W, C)`.
        shape: `(H, W, C)` of the model.

    Raises:
        PictureError: they have not.
    """
    if pixels.ndim != 4 or pixels.dtype != np.uint8 or pixels.shape[1:] != shape:
        raise PictureError(
            f"the model '{name}' takes 8-bit pictures of {shape[1]} x {shape[0]} pixels and "
            f"{shape[2]} channel(s), got {pixels.dtype} {pixels.shape[1:]}."
        )
