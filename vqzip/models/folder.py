"""Folders of models with codes: their files, and how to load one as a `Model`; `places` finds them.

A folder holds `config.json`, `vqvae.safetensors`, `exact_prior.safetensors` (what coding needs; their
SHA-256 is the model's id), `prior.safetensors` (float), `SHA256SUMS`, `self_test.vqz`, `recipe.toml`,
`CARD.md` and `curve.json`. Importing this module loads neither torch nor NumPy.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from vqzip.autoencoders.kinds import check_transform
from vqzip.errors import ModelError, RecipeError, UsageError
from vqzip.models.config import ModelConfig
from vqzip.models.limits import check_limits
from vqzip.models.places import (
    CONFIG,
    EXACT,
    IDENTITY,
    VQVAE,
    check_sums,
    fingerprint,
    identity_files,
    locate,
    read_file,
)
from vqzip.models.plain import from_plain
from vqzip.prior.config import check_prior

if TYPE_CHECKING:
    from vqzip.autoencoders.autoencoder import Autoencoder
    from vqzip.autoencoders.runtime import Runtime
    from vqzip.prior.exact.prior import ExactPrior

DEFAULT_MODEL = "photo"
SELF_TEST, RECIPE, CARD, CURVE = "self_test.vqz", "recipe.toml", "CARD.md", "curve.json"
LARGEST_TENSOR_HEADER = 1 << 20
"""Largest header of a safetensors file in bytes; those of our models have a few thousand."""
LONGEST_REASON = 200

Tensors = TypeVar("Tensors")
Config = TypeVar("Config")


@dataclass(frozen=True)
class Model:
    """A loaded model.

    Args:
        name: from its configuration.
        path: of the folder.
        id: SHA-256 over configuration, VQ-VAE and exact prior, 32 bytes.
        config: levels, transform, prior.
        autoencoder: pixels to codes and back, on its device.
        prior: integers, on the CPU.
    """

    name: str
    path: Path
    id: bytes
    config: ModelConfig
    autoencoder: Autoencoder
    prior: ExactPrior


def plain_json(folder: Path, name: str, data: bytes) -> object:
    """Return the content of a JSON file of a folder; numbers must be finite.

    Raises:
        ModelError: it is damaged.
    """

    def refused(constant: str) -> None:
        raise ValueError(f"{constant} is not a number")

    try:
        return json.loads(data.decode(), parse_constant=refused)
    except (ValueError, RecursionError) as error:
        raise ModelError(
            f"{folder / name} cannot be read ({one_line(error)}); install the model again."
        ) from error


def one_line(error: Exception) -> str:
    """Return the message of an error as part of a sentence, printable even if the file is hostile."""
    said = " ".join(str(error).split()).rstrip(".")[:LONGEST_REASON]
    return "".join(letter if letter.isprintable() else "?" for letter in said)


def read_config(folder: Path) -> ModelConfig:
    """Return the configuration of a model folder.

    Raises:
        ModelError: it is missing, damaged, of a later format, or above a limit.
    """
    return parsed_config(folder, read_file(folder, CONFIG))


def parsed_config(folder: Path, data: bytes) -> ModelConfig:
    """Return the configuration in the bytes of a `config.json`.

    Raises:
        ModelError: as `read_config`.
    """
    return config_of(folder, plain_json(folder, CONFIG, data), ModelConfig, check_discrete)


def check_discrete(config: ModelConfig) -> None:
    """Check the configuration of a model with codes, before networks are built from it.

    Raises:
        ModelError: a number is out of its range, or parts do not fit together.
    """
    check_limits(config)
    check_transform(config.vqvae)
    check_prior(config.vqvae, config.prior)


def config_of(
    folder: Path, plain: object, cls: type[Config], check: Callable[[Config], None]
) -> Config:
    """Return the configuration in the content of a `config.json`.

    Args:
        folder: for messages.
        plain: from `plain_json`.
        cls: of the configuration.
        check: raises an error if its numbers may not be used.

    Raises:
        ModelError: it is damaged, of a later format, or above a limit.
    """
    if isinstance(plain, dict) and isinstance(plain.get("format"), int) and plain["format"] > 1:
        raise ModelError(
            f"{folder / CONFIG} has model format {plain['format']}; install a newer vqzip."
        )
    try:
        config = from_plain(cls, plain, "config")
        check(config)
    except (RecipeError, ModelError) as error:
        raise ModelError(
            f"{folder / CONFIG} cannot be read ({one_line(error)}); install the model again."
        ) from error
    return config


def load(name_or_path: str | Path, device: str = "cpu", runtime: Runtime | None = None) -> Model:
    """Load a model by name or folder.

    Args:
        name_or_path: as for `locate`.
        device: where the networks run, such as `cpu` or `cuda`; the prior is always on the CPU.
        runtime: what computes the networks; None takes what is installed, see `runtime_for`.

    Raises:
        ModelError: there is no such model, it is damaged, or the device is missing.
        UsageError: no installed package can compute networks, or the model is of another family.
    """
    import safetensors.numpy

    from vqzip.autoencoders.runtime import make_autoencoder, runtime_for
    from vqzip.prior.exact.prior import ExactPrior

    folder = locate(str(name_or_path))
    if identity_files(folder) != IDENTITY:
        raise UsageError(f"the model '{folder.name}' has no codes; name one that has.")
    files = check_sums(folder, IDENTITY)
    config = parsed_config(folder, files[CONFIG])
    runtime = runtime or runtime_for(device)
    exact = tensors_of_file(folder, EXACT, files[EXACT], safetensors.numpy.load)
    weights = tensors_of_file(folder, VQVAE, files[VQVAE], safetensors.numpy.load)
    try:
        prior = ExactPrior.from_tensors(config.vqvae, config.prior, exact)
        autoencoder = make_autoencoder(config.vqvae, weights, device, runtime)
    except ModelError as error:
        raise damaged(folder, one_line(error)) from error
    return Model(config.name, folder, fingerprint(files), config, autoencoder, prior)


def damaged(folder: Path, reason: str) -> ModelError:
    """Return the error for a folder whose files are not a valid model."""
    return ModelError(f"the model in {folder} is damaged ({reason}); install it again.")


def tensors_of_file(
    folder: Path, name: str, data: bytes, load_tensors: Callable[[bytes], dict[str, Tensors]]
) -> dict[str, Tensors]:
    """Return the tensors of a safetensors file.

    Raises:
        ModelError: it is damaged, or its header is too long.
    """
    from safetensors import SafetensorError

    header_bytes = int.from_bytes(data[:8], "little")
    try:
        if header_bytes <= LARGEST_TENSOR_HEADER:
            return load_tensors(data)
        reason = f"its header claims {header_bytes} bytes"
    except (SafetensorError, ValueError, LookupError, TypeError, RuntimeError) as error:
        # NumPy or torch may not know the types of its numbers, and shapes may exceed 64 bits.
        reason = one_line(error)
    raise damaged(folder, f"{name}: {reason}")
