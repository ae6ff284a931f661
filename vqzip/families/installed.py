"""The facts about installed models that can be had without loading them."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from types import NoneType
from typing import Any

from vqzip.errors import ModelError
from vqzip.families.known import any_config
from vqzip.models.config import AnyConfig
from vqzip.models.folder import CARD, CURVE, plain_json
from vqzip.models.places import (
    CONFIG,
    check_sums,
    fingerprint,
    folders,
    identity_files,
    read_file,
)


@dataclass(frozen=True)
class ModelSummary:
    """The facts about a model folder that `vqzip models` shows."""

    name: str
    path: Path
    id: bytes
    bytes: int
    config: AnyConfig
    card_license: str
    curve: list[dict[str, Any]]


def installed() -> list[ModelSummary]:
    """Return a summary of every installed model, without loading torch.

    Raises:
        ModelError: one of them is damaged.
    """
    return [summary(folder) for folder in folders()]


def summary(folder: Path) -> ModelSummary:
    """Return the facts about a model folder, without loading torch.

    Raises:
        ModelError: it is damaged.
    """
    names = identity_files(folder)
    files = check_sums(folder, names)
    card = folder / CARD
    return ModelSummary(
        name=folder.name,
        path=folder,
        id=fingerprint(files, names),
        bytes=sum(file.stat().st_size for file in folder.iterdir() if file.is_file()),
        config=any_config(folder, files[CONFIG]),
        card_license=_license(read_file(folder, CARD) if card.exists() else b""),
        curve=_curve(folder) if (folder / CURVE).exists() else [],
    )


def _curve(folder: Path) -> list[dict[str, Any]]:
    """Return the points of a folder's curve."""
    points = plain_json(folder, CURVE, read_file(folder, CURVE))
    if not isinstance(points, list) or not all(map(_is_point, points)):
        raise ModelError(f"{folder / CURVE} is not the curve of a model; install the model again.")
    return points


def _is_point(point: object) -> bool:
    """Return whether a value is a point of a curve: quality, rate, and metrics that may be null."""
    if not isinstance(point, dict):
        return False
    known = [point.get(name) for name in ("quality", "rate_bpp")]
    measured = [point.get(name, "missing") for name in ("psnr_db", "ms_ssim")]
    return all(isinstance(value, (int, float)) for value in known) and all(
        isinstance(value, (int, float, NoneType)) for value in measured
    )


def _license(card: bytes) -> str:
    """Return the license that a model card names."""
    text = card.decode("utf-8", "replace")
    found = re.search(r"^Licen[cs]e(?: of the weights)?: *([^\n]{1,99}?)\.?$", text, re.MULTILINE)
    return found.group(1) if found and found.group(1).isprintable() else "not stated"
