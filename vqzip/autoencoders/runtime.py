"""Selects the library that runs the networks of a model: ONNX Runtime if it is installed, else torch.

Their latents and pixels differ only by rounding; decoded codes are the same with both.
"""

from __future__ import annotations

from collections.abc import Mapping
from importlib import util
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from vqzip.autoencoders.autoencoder import Autoencoder
from vqzip.autoencoders.config import VqvaeConfig
from vqzip.autoencoders.kinds import QUANTIZERS, TRANSFORMS
from vqzip.autoencoders.onnx.weights import Weights
from vqzip.autoencoders.transform import Transform, own_floats
from vqzip.errors import UsageError, missing_package

Runtime = Literal["onnx", "torch"]
Tensors = Mapping[str, NDArray[np.generic]]


def runtime_for(device: str) -> Runtime:
    """Return the library that runs networks on a device.

    Args:
        device: `cpu`, `cuda`, `cuda:N`, or `auto`: a GPU if torch is installed and finds one.

    Raises:
        ModelError: the device is missing.
        UsageError: no installed library does.
    """
    on_cpu = device == "cpu" or (device == "auto" and not _gpu_is_there())
    if on_cpu and _installed("onnxruntime"):
        return "onnx"
    if _installed("torch"):
        from vqzip.autoencoders.torch_weights import checked_device

        checked_device(device)
        return "torch"
    if on_cpu:
        raise UsageError("networks need onnxruntime: pip install onnxruntime")
    raise missing_package("torch", f"the device '{device}'", "train")


def description() -> str:
    """Return in one line which library runs networks on the CPU."""
    if _installed("onnxruntime"):
        return "ONNX Runtime"
    if _installed("torch"):
        return "torch, which takes seconds to start (pip install onnxruntime for a faster way)"
    return "none: pip install onnxruntime"


@own_floats()
def make_autoencoder(
    config: VqvaeConfig, tensors: Tensors, device: str, runtime: Runtime
) -> Autoencoder:
    """Return an autoencoder with the weights of a model folder.

    Args:
        config: of the model.
        tensors: the content of `vqvae.safetensors`.
        device: where the networks run.
        runtime: the library that runs them.

    Raises:
        ModelError: weights and configuration do not fit, or the device is missing.
    """
    weights = Weights(tensors)
    quantizers = [
        QUANTIZERS[level.quantizer.kind].coding(level, weights.part(f"quantizers.{number}"))
        for number, level in enumerate(config.levels)
    ]
    if runtime == "torch":
        return Autoencoder(config, _torch_transform(config, tensors, device), quantizers)
    kind = TRANSFORMS[config.transform.kind]
    transform = kind.onnx(config.transform, config.levels, weights.part("transform"))
    weights.expect_all_taken()
    return Autoencoder(config, transform, quantizers)


def _torch_transform(config: VqvaeConfig, tensors: Tensors, device: str) -> Transform:
    from vqzip.autoencoders.torch_transform import TorchTransform
    from vqzip.autoencoders.torch_weights import checked_device, vqvae_with

    where = checked_device(device)
    return TorchTransform(vqvae_with(config, tensors).to(where).transform, where)


def _gpu_is_there() -> bool:
    if not _installed("torch"):
        return False
    import torch

    return torch.cuda.is_available()


def _installed(package: str) -> bool:
    """Whether a package can be imported."""
    try:
        return util.find_spec(package) is not None
    except ValueError:
        return False
