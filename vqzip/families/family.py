"""What a family of models is, and the folders of models that have no codes.

Such a folder holds `config.json`, whose `kind` names the family, `weights.safetensors`, `SHA256SUMS`, and what
training adds: `recipe.toml`, `CARD.md`.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from vqzip.errors import ModelError
from vqzip.models.config import AnyConfig
from vqzip.models.folder import config_of, plain_json, tensors_of_file
from vqzip.models.limits import Ranges, check_name, check_numbers
from vqzip.models.places import (
    CONFIG,
    IDENTITY_OF_OTHERS,
    WEIGHTS,
    check_sums,
    fingerprint,
    write_sums,
)
from vqzip.models.plain import to_plain

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from vqzip.models.abilities import Named

Config = TypeVar("Config", bound=AnyConfig)


@dataclass(frozen=True)
class Stored(Generic[Config]):
    """The content of a model folder.

    Args:
        path: of the folder.
        id: SHA-256 over configuration and weights, 32 bytes.
        config: checked.
        tensors: of `weights.safetensors`, by name.
    """

    path: Path
    id: bytes
    config: Config
    tensors: dict[str, NDArray[Any]]


@dataclass(frozen=True)
class Family(Generic[Config]):
    """A family of models.

    Args:
        title: for people.
        config: class of the configurations.
        check: raises ModelError for a configuration that may not be used.
        load: makes a model from its folder, on a device such as `cpu`; imports what it needs when it is called.
    """

    title: str
    config: type[Config]
    check: Callable[[Config], None]
    load: Callable[[Path, str], Named]


def stored_family(
    title: str,
    config: type[Config],
    ranges: Ranges,
    make: Callable[[Stored[Config], str], Named],
    check: Callable[[Config], None] = lambda _config: None,
) -> Family[Config]:
    """Return a family whose models have one file of weights.

    Args:
        title: for people.
        config: class of the configurations.
        ranges: smallest and largest value of every number in a configuration.
        make: makes a model from the content of its folder; raises ModelError if weights do not fit.
        check: relations between the numbers of a configuration.
    """

    def checked(found: Config) -> None:
        check_name(found.name)
        check_numbers(found, ranges)
        check(found)

    def load(folder: Path, device: str) -> Named:
        return make(read_stored(folder, config, checked), device)

    return Family(title, config, checked, load)


def read_stored(
    folder: Path, config: type[Config], check: Callable[[Config], None]
) -> Stored[Config]:
    """Return the content of a model folder, after comparing it with its checksums.

    Raises:
        ModelError: it is damaged.
    """
    import safetensors.numpy

    files = check_sums(folder, IDENTITY_OF_OTHERS)
    found = config_of(folder, plain_json(folder, CONFIG, files[CONFIG]), config, check)
    tensors = tensors_of_file(folder, WEIGHTS, files[WEIGHTS], safetensors.numpy.load)
    return Stored(folder, fingerprint(files, IDENTITY_OF_OTHERS), found, tensors)


def write_stored(
    folder: Path, config: AnyConfig, tensors: Mapping[str, NDArray[np.generic]]
) -> None:
    """Write configuration, weights and checksums into a model folder.

    Raises:
        ModelError: the folder cannot be written.
    """
    import numpy as np
    import safetensors.numpy

    try:
        folder.mkdir(parents=True, exist_ok=True)
        text = json.dumps(to_plain(config), indent=1) + "\n"
        (folder / CONFIG).write_text(text, encoding="utf-8")
        weights = {name: np.ascontiguousarray(tensor) for name, tensor in tensors.items()}
        (folder / WEIGHTS).write_bytes(safetensors.numpy.save(weights))
        write_sums(folder, IDENTITY_OF_OTHERS)
    except OSError as error:
        raise ModelError(f"the model cannot be written to {folder}: {error}.") from error
