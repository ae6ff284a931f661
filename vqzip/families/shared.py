"""Loaded models that the calls of a process share, so that a call does not load its model anew."""

from __future__ import annotations

import functools
from pathlib import Path
from typing import TYPE_CHECKING

from vqzip.container.parse import parse_header
from vqzip.families.known import load_model
from vqzip.models.places import find_by_id, locate, stamp

if TYPE_CHECKING:
    from vqzip.models.abilities import Named

MOST_MODELS = 4
"""Models that stay in memory; of more, those that were used last."""


def shared_model(name_or_path: str | Path, device: str = "cpu") -> Named:
    """Return a model of any family, loaded once; a folder that was changed is loaded again.

    Several threads may ask for it. A forked process may use what its parent has loaded.

    Args:
        name_or_path: name of an installed model, or a model folder.
        device: where the networks run, such as `cpu` or `cuda`.

    Raises:
        ModelError: there is no such model, it is damaged, or the device is missing.
        UsageError: a package that the family needs is not installed.
    """
    return _shared(locate(str(name_or_path)), device)


def shared_model_for(data: bytes, device: str = "cpu") -> Named:
    """Return the installed model that a .vqz file names, loaded once.

    Args:
        data: the file, or its first 64 bytes.
        device: as for `shared_model`.

    Raises:
        InvalidFile: the data do not begin like a .vqz file.
        ModelError: the model is not installed, or damaged.
    """
    return _shared(find_by_id(parse_header(data).model_id), device)


def _shared(folder: Path, device: str) -> Named:
    return _loaded(folder.absolute(), stamp(folder), device)


@functools.lru_cache(maxsize=MOST_MODELS)
def _loaded(folder: Path, _stamp: tuple[tuple[int, int], ...], device: str) -> Named:
    return load_model(folder, device)
