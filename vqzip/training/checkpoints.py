"""Checkpoints: one safetensors file, written atomically."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor, nn

from vqzip.errors import TrainingError
from vqzip.files import whole_file


def save_checkpoint(path: Path, tensors: dict[str, Tensor], facts: dict[str, Any]) -> None:
    """Write tensors and JSON facts; `path` always holds a complete checkpoint.

    Args:
        path: file to write or replace.
        tensors: on any device.
        facts: position of the run.

    Raises:
        TrainingError: the folder cannot be written.
    """
    try:
        with whole_file(path) as temporary:
            save_file(
                {name: tensor.detach().contiguous() for name, tensor in tensors.items()},
                temporary,
                metadata={"facts": json.dumps(facts)},
            )
    except (OSError, SafetensorError) as error:
        raise TrainingError(f"the checkpoint {path} cannot be written: {error}.") from error


def load_checkpoint(path: Path) -> tuple[dict[str, Tensor], dict[str, Any]]:
    """Return tensors and facts of a checkpoint.

    Raises:
        TrainingError: the file is missing or damaged.
    """
    if not path.is_file():
        raise TrainingError(f"there is no checkpoint {path}; start without `resume`.")
    try:
        with safe_open(path, framework="pt") as file:
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
            facts = json.loads(file.metadata()["facts"])
    except (OSError, SafetensorError, KeyError, TypeError, ValueError) as error:
        raise TrainingError(f"{path} is damaged ({error}); start a new run.") from error
    return tensors, facts


def module_tensors(prefix: str, module: nn.Module) -> dict[str, Tensor]:
    """Return a module's state under `prefix`."""
    return {f"{prefix}.{name}": tensor for name, tensor in module.state_dict().items()}


def restore_module(prefix: str, module: nn.Module, tensors: dict[str, Tensor]) -> None:
    """Restore the tensors of `module_tensors`."""
    start = len(prefix) + 1
    module.load_state_dict(
        {name[start:]: t for name, t in tensors.items() if name.startswith(f"{prefix}.")}
    )


def optimizer_tensors(optimizer: torch.optim.Optimizer) -> dict[str, Tensor]:
    """Return Adam's moments and step counts, numbered like its parameters."""
    tensors = {}
    for number, state in optimizer.state_dict()["state"].items():
        for name, value in state.items():
            tensors[f"optimizer.{number}.{name}"] = torch.as_tensor(value)
    return tensors


def restore_optimizer(optimizer: torch.optim.Optimizer, tensors: dict[str, Tensor]) -> None:
    """Restore the tensors of `optimizer_tensors`."""
    state: dict[int, dict[str, Tensor]] = {}
    for name, tensor in tensors.items():
        if name.startswith("optimizer."):
            _, number, key = name.split(".")
            state.setdefault(int(number), {})[key] = tensor
    groups = optimizer.state_dict()["param_groups"]
    optimizer.load_state_dict({"state": state, "param_groups": groups})
