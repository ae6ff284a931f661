"""The table of families, and loading a model of any of them."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from vqzip.container.parse import parse_header
from vqzip.errors import ModelError
from vqzip.families.dbn.config import DBN
from vqzip.families.discrete import DISCRETE
from vqzip.families.family import Family
from vqzip.families.gaussian.config import GAUSSIAN
from vqzip.families.pixelcnn.config import PIXELCNN
from vqzip.families.pixels import PIXELS
from vqzip.models.config import AnyConfig
from vqzip.models.folder import config_of, plain_json
from vqzip.models.places import CONFIG, find_by_id, locate, read_file

if TYPE_CHECKING:
    from vqzip.models.abilities import Named

WITHOUT_KIND = "discrete"
"""The family of configurations without `kind`; models of it were made before there were others."""

FAMILIES: dict[str, Family[Any]] = {
    WITHOUT_KIND: DISCRETE,
    "gaussian": GAUSSIAN,
    "pixelcnn": PIXELCNN,
    "dbn": DBN,
    "pixels": PIXELS,
}
"""By the `kind` of a configuration. A new family is a folder here with its `Family`, and a line in this table."""


def family_of(folder: Path, plain: object) -> Family[Any]:
    """Return the family of the content of a `config.json`.

    Args:
        folder: for messages.
        plain: from `plain_json`.

    Raises:
        ModelError: the family is not known.
    """
    kind = plain.get("kind", WITHOUT_KIND) if isinstance(plain, dict) else WITHOUT_KIND
    if not isinstance(kind, str) or kind not in FAMILIES:
        raise ModelError(
            f"{folder / CONFIG} is of a family that this vqzip does not know; install a newer vqzip."
        )
    return FAMILIES[kind]


def any_config(folder: Path, data: bytes) -> AnyConfig:
    """Return the configuration in the bytes of a `config.json`, of any family.

    Raises:
        ModelError: it is damaged, of an unknown family, or above a limit.
    """
    plain = plain_json(folder, CONFIG, data)
    family = family_of(folder, plain)
    config: AnyConfig = config_of(folder, plain, family.config, family.check)
    return config


def load_model(name_or_path: str | Path, device: str = "cpu") -> Named:
    """Load a model of any family; `vqzip.models.abilities` finds out what it can do.

    Args:
        name_or_path: name of an installed model, or a model folder.
        device: where the networks run, such as `cpu` or `cuda`.

    Raises:
        ModelError: there is no such model, it is damaged, or the device is missing.
        UsageError: a package that the family needs is not installed.
    """
    folder = locate(str(name_or_path))
    family = family_of(folder, plain_json(folder, CONFIG, read_file(folder, CONFIG)))
    return family.load(folder, device)


def load_model_for(data: bytes, device: str = "cpu") -> Named:
    """Load the installed model that a .vqz file names.

    Args:
        data: the file, or its first bytes.
        device: as for `load_model`.

    Raises:
        InvalidFile: the data do not begin like a .vqz file.
        ModelError: the model is not installed, or damaged.
    """
    return load_model(find_by_id(parse_header(data).model_id), device)
