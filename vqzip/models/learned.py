"""Networks of model folders in torch, as training reads and writes them."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import numpy as np
import safetensors.numpy
import safetensors.torch
import torch
from numpy.typing import NDArray
from safetensors import SafetensorError

from vqzip.autoencoders.discrete import Vqvae
from vqzip.autoencoders.runtime import Runtime, make_autoencoder
from vqzip.autoencoders.torch_transform import tensors_of
from vqzip.autoencoders.torch_weights import vqvae_with, with_weights
from vqzip.errors import ModelError
from vqzip.models.config import ModelConfig
from vqzip.models.folder import Model, damaged, one_line, parsed_config, tensors_of_file
from vqzip.models.places import CONFIG, EXACT, FLOAT, IDENTITY, VQVAE, check_sums, write_sums
from vqzip.models.plain import to_plain
from vqzip.prior.float.pixelcnn import PixelCnn


def load_vqvae(folder: Path) -> Vqvae:
    """Load the networks of a model folder in torch, on the CPU and in evaluation mode.

    Raises:
        ModelError: they are missing or damaged.
    """
    files = check_sums(folder, IDENTITY)
    config = parsed_config(folder, files[CONFIG])
    weights = tensors_of_file(folder, VQVAE, files[VQVAE], safetensors.numpy.load)
    try:
        return vqvae_with(config.vqvae, weights)
    except ModelError as error:
        raise damaged(folder, one_line(error)) from error


def load_float_prior(model: Model) -> PixelCnn:
    """Load the float prior, from which the integers of the model were made.

    Raises:
        ModelError: it is missing or damaged.
    """
    data = check_sums(model.path, (FLOAT,))[FLOAT]
    weights = tensors_of_file(model.path, FLOAT, data, safetensors.torch.load)
    try:
        return with_weights(lambda: PixelCnn(model.config.vqvae, model.config.prior), weights)
    except ModelError as error:
        raise ModelError(
            f"the float prior in {model.path / FLOAT} cannot be read ({one_line(error)}); "
            "install the model again."
        ) from error


def with_vqvae(model: Model, vqvae: Vqvae, runtime: Runtime = "onnx") -> Model:
    """Return a model with the same prior, other networks, and their configuration.

    Args:
        model: the model with the prior.
        vqvae: on any device.
        runtime: what computes the networks.
    """
    autoencoder = make_autoencoder(vqvae.config, tensors_of(vqvae), "cpu", runtime)
    config = replace(model.config, vqvae=vqvae.config)
    return replace(model, config=config, autoencoder=autoencoder)


def save(
    folder: Path,
    config: ModelConfig,
    vqvae: Vqvae,
    exact: Mapping[str, NDArray[np.generic]],
    float_prior: Mapping[str, torch.Tensor],
) -> None:
    """Write the files of a model into a folder.

    Args:
        folder: created if it does not exist.
        config: levels, transform, prior.
        vqvae: on any device.
        exact: tensors of `ExactPrior.from_tensors`.
        float_prior: state of the `PixelCnn` that `exact` was made from.

    Raises:
        ModelError: the folder cannot be written.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        text = json.dumps(to_plain(config), indent=1) + "\n"
        (folder / CONFIG).write_text(text, encoding="utf-8")
        tensors = {name: _stored(name, tensor) for name, tensor in vqvae.state_dict().items()}
        safetensors.torch.save_file(tensors, folder / VQVAE)
        safetensors.numpy.save_file(dict(exact), folder / EXACT)
        floats = {name: tensor.detach().cpu().contiguous() for name, tensor in float_prior.items()}
        safetensors.torch.save_file(floats, folder / FLOAT)
        for name in (VQVAE, EXACT, FLOAT):
            # safetensors makes files that only their owner can read; a package is for all users.
            (folder / name).chmod(0o644)
        write_sums(folder, (*IDENTITY, FLOAT))
    except (OSError, SafetensorError) as error:
        raise ModelError(f"the model cannot be written to {folder}: {error}.") from error


def _stored(name: str, tensor: torch.Tensor) -> torch.Tensor:
    """Return a tensor in the type that a model folder stores.

    Networks around a wavelet are stored in float16, which halves their size; its rounding is far below
    that of a pixel. They are converted back to float32 when they are loaded.
    """
    tensor = tensor.detach().cpu().contiguous()
    around = name.startswith(("transform.before.", "transform.after."))
    return tensor.half() if around else tensor
