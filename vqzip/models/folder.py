"""Model folders: what is in them, and how one becomes a `Model`; `model_places` finds them.

A folder holds `config.json`, `vqvae.safetensors`, `exact_prior.safetensors` (what coding needs; their
SHA-256 is the model's id), `prior.safetensors` (float), `SHA256SUMS`, `self_test.vqz`, `recipe.toml`,
`CARD.md` and `curve.json`. Importing this module loads neither torch nor NumPy.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import NoneType
from typing import TYPE_CHECKING, Any, TypeVar

from vqzip.configs import ModelConfig, check_prior, check_transform, from_plain, to_plain
from vqzip.errors import ModelError, RecipeError
from vqzip.models.limits import check_limits
from vqzip.models.places import (
    CONFIG,
    EXACT,
    FLOAT,
    IDENTITY,
    VQVAE,
    check_sums,
    fingerprint,
    folders,
    locate,
    read_file,
    write_sums,
)

if TYPE_CHECKING:
    import numpy as np
    import torch
    from numpy.typing import NDArray

    from vqzip.autoencoders.discrete import Vqvae
    from vqzip.prior.exact.prior import ExactPrior
    from vqzip.prior.float.pixelcnn import PixelCnn

DEFAULT_MODEL = "photo"
SELF_TEST, RECIPE, CARD, CURVE = "self_test.vqz", "recipe.toml", "CARD.md", "curve.json"
LARGEST_TENSOR_HEADER = 1 << 20
"""Bytes of the part of a safetensors file that names its tensors; ours take a few thousand."""
LONGEST_REASON = 200

Tensors = TypeVar("Tensors")


@dataclass(frozen=True)
class Model:
    """A loaded model.

    Args:
        name: from its configuration.
        path: of the folder.
        id: SHA-256 over configuration, VQ-VAE and exact prior, 32 bytes.
        config: levels, transform, prior.
        vqvae: on its device, in evaluation mode.
        prior: integers, on the CPU.
    """

    name: str
    path: Path
    id: bytes
    config: ModelConfig
    vqvae: Vqvae
    prior: ExactPrior


@dataclass(frozen=True)
class ModelSummary:
    """What `vqzip models` shows of one folder."""

    name: str
    path: Path
    id: bytes
    bytes: int
    config: ModelConfig
    card_license: str
    curve: list[dict[str, Any]]


def installed() -> list[ModelSummary]:
    """Return a summary of every installed model, without loading torch.

    Raises:
        ModelError: one of them is damaged.
    """
    return [summary(folder) for folder in folders()]


def summary(folder: Path) -> ModelSummary:
    """Return what `vqzip models` shows of a folder, without loading torch.

    Raises:
        ModelError: it is damaged.
    """
    files = check_sums(folder, IDENTITY)
    card = folder / CARD
    return ModelSummary(
        name=folder.name,
        path=folder,
        id=fingerprint(files),
        bytes=sum(file.stat().st_size for file in folder.iterdir() if file.is_file()),
        config=_config(folder, files[CONFIG]),
        card_license=_license(read_file(folder, CARD) if card.exists() else b""),
        curve=_curve(folder) if (folder / CURVE).exists() else [],
    )


def _curve(folder: Path) -> list[dict[str, Any]]:
    """Return the points of a folder's curve."""
    points = _plain(folder, CURVE, read_file(folder, CURVE))
    if not isinstance(points, list) or not all(map(_is_point, points)):
        raise ModelError(f"{folder / CURVE} is no curve of a model; install the model again.")
    return points


def _is_point(point: object) -> bool:
    """Return whether a value is a point of a curve: quality and rate, and metrics as far as known."""
    if not isinstance(point, dict):
        return False
    known = [point.get(name) for name in ("quality", "rate_bpp")]
    measured = [point.get(name, "missing") for name in ("psnr_db", "ms_ssim")]
    return all(isinstance(value, (int, float)) for value in known) and all(
        isinstance(value, (int, float, NoneType)) for value in measured
    )


def _plain(folder: Path, name: str, data: bytes) -> object:
    """Return what a JSON file of a folder holds, numbers that are not finite being none."""

    def refused(constant: str) -> None:
        raise ValueError(f"{constant} is no number")

    try:
        return json.loads(data.decode(), parse_constant=refused)
    except (ValueError, RecursionError) as error:
        raise ModelError(
            f"{folder / name} cannot be read ({_one_line(error)}); install the model again."
        ) from error


def _one_line(error: Exception) -> str:
    """Return what an error says as part of a sentence, whatever letters a stranger's file has."""
    said = " ".join(str(error).split()).rstrip(".")[:LONGEST_REASON]
    return "".join(letter if letter.isprintable() else "?" for letter in said)


def _license(card: bytes) -> str:
    """Return what a model card says of the license."""
    text = card.decode("utf-8", "replace")
    found = re.search(r"^Licen[cs]e(?: of the weights)?: *([^\n]{1,99}?)\.?$", text, re.MULTILINE)
    return found.group(1) if found and found.group(1).isprintable() else "not stated"


def read_config(folder: Path) -> ModelConfig:
    """Return a folder's configuration.

    Raises:
        ModelError: it is missing, damaged, of a later format, or asks for too much.
    """
    return _config(folder, read_file(folder, CONFIG))


def _config(folder: Path, data: bytes) -> ModelConfig:
    plain = _plain(folder, CONFIG, data)
    if isinstance(plain, dict) and isinstance(plain.get("format"), int) and plain["format"] > 1:
        raise ModelError(
            f"{folder / CONFIG} is of model format {plain['format']}; install a newer vqzip."
        )
    try:
        config = from_plain(ModelConfig, plain, "config")
        check_limits(config)
        check_transform(config.vqvae)
        check_prior(config.vqvae, config.prior)
    except (RecipeError, ModelError) as error:
        raise ModelError(
            f"{folder / CONFIG} cannot be read ({_one_line(error)}); install the model again."
        ) from error
    return config


def load(name_or_path: str | Path, device: str = "cpu") -> Model:
    """Load a model by name or folder.

    Args:
        name_or_path: as for `locate`.
        device: where the VQ-VAE runs, such as `cpu` or `cuda`; the prior is always on the CPU.

    Raises:
        ModelError: there is no such model, it is damaged, or the device is not there.
    """
    import safetensors.numpy
    import safetensors.torch

    from vqzip.autoencoders.discrete import Vqvae
    from vqzip.models.weights import with_weights
    from vqzip.prior.exact.prior import ExactPrior

    folder = locate(str(name_or_path))
    files = check_sums(folder, IDENTITY)
    config = _config(folder, files[CONFIG])
    where = checked_device(device)
    exact = _tensors(folder, EXACT, files[EXACT], safetensors.numpy.load)
    weights = _tensors(folder, VQVAE, files[VQVAE], safetensors.torch.load)
    try:
        prior = ExactPrior.from_tensors(config.vqvae, config.prior, exact)
        vqvae = with_weights(lambda: Vqvae(config.vqvae), weights)
    except ModelError as error:
        raise ModelError(
            f"the model in {folder} is damaged ({_one_line(error)}); install it again."
        ) from error
    vqvae = vqvae.to(where).eval().requires_grad_(requires_grad=False)
    return Model(config.name, folder, fingerprint(files), config, vqvae, prior)


def _tensors(
    folder: Path, name: str, data: bytes, load_tensors: Callable[[bytes], dict[str, Tensors]]
) -> dict[str, Tensors]:
    """Return the tensors of a safetensors file.

    Raises:
        ModelError: it is damaged, or its header longer than that of any model.
    """
    from safetensors import SafetensorError

    header_bytes = int.from_bytes(data[:8], "little")
    try:
        if header_bytes <= LARGEST_TENSOR_HEADER:
            return load_tensors(data)
        reason = f"its header claims {header_bytes} bytes"
    except (SafetensorError, ValueError, LookupError, TypeError, RuntimeError) as error:
        # The types of its numbers may be none of NumPy's or torch's, their shapes beyond 64 bits.
        reason = _one_line(error)
    raise ModelError(f"the model in {folder} is damaged ({name}: {reason}); install it again.")


def load_float_prior(model: Model) -> PixelCnn:
    """Load the float network that the model's integers were made from.

    Raises:
        ModelError: it is not in the folder, or damaged.
    """
    import safetensors.torch

    from vqzip.models.weights import with_weights
    from vqzip.prior.float.pixelcnn import PixelCnn

    data = check_sums(model.path, (FLOAT,))[FLOAT]
    weights = _tensors(model.path, FLOAT, data, safetensors.torch.load)
    try:
        return with_weights(lambda: PixelCnn(model.config.vqvae, model.config.prior), weights)
    except ModelError as error:
        raise ModelError(
            f"the float prior in {model.path / FLOAT} cannot be read ({_one_line(error)}); "
            "install the model again."
        ) from error


def checked_device(device: str) -> torch.device:
    """Return a torch device that exists; `auto` is the GPU when there is one.

    Raises:
        ModelError: it does not exist.
    """
    import torch

    if device == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    try:
        where = torch.device(device)
        torch.zeros(1, device=where).cpu()
    except (RuntimeError, AssertionError) as error:
        raise ModelError(f"the device '{device}' is not there; use --device cpu.") from error
    return where


def save(
    folder: Path,
    config: ModelConfig,
    vqvae: Vqvae,
    exact: Mapping[str, NDArray[np.generic]],
    float_prior: Mapping[str, torch.Tensor],
) -> None:
    """Write what a model consists of into a folder.

    Args:
        folder: is made if need be.
        config: levels, transform, prior.
        vqvae: on any device.
        exact: tensors of `ExactPrior.from_tensors`.
        float_prior: state of the `PixelCnn` that `exact` was made from.

    Raises:
        ModelError: the folder cannot be written.
    """
    import safetensors.numpy
    import safetensors.torch
    from safetensors import SafetensorError

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
            # safetensors writes for its owner alone; a package is for all users of a machine.
            (folder / name).chmod(0o644)
        write_sums(folder, (*IDENTITY, FLOAT))
    except (OSError, SafetensorError) as error:
        raise ModelError(f"the model cannot be written to {folder}: {error}.") from error


def _stored(name: str, tensor: torch.Tensor) -> torch.Tensor:
    """Return a tensor as a model folder holds it.

    The networks around a wavelet are half as large in float16, whose rounding is far below that of a
    pixel; they are float32 again when they are loaded.
    """
    tensor = tensor.detach().cpu().contiguous()
    around = name.startswith(("transform.before.", "transform.after."))
    return tensor.half() if around else tensor
