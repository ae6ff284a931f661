"""Checkpoints: whole or not there, and what comes back is what went in."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

from vqzip.errors import TrainingError
from vqzip.training.checkpoints import (
    load_checkpoint,
    module_tensors,
    optimizer_tensors,
    restore_module,
    restore_optimizer,
    save_checkpoint,
)


def made_net() -> tuple[nn.Linear, torch.optim.Adam]:
    net = nn.Linear(3, 2)
    with torch.no_grad():
        net.weight.copy_(torch.arange(6.0).view(2, 3))
        net.bias.zero_()
    return net, torch.optim.Adam(net.parameters(), lr=0.1)


def train(net: nn.Linear, optimizer: torch.optim.Adam, steps: int) -> None:
    for step in range(steps):
        optimizer.zero_grad()
        (net(torch.full((1, 3), float(step + 1))) ** 2).sum().backward()
        optimizer.step()


def all_tensors(net: nn.Linear, optimizer: torch.optim.Adam) -> dict[str, Tensor]:
    return {**module_tensors("net", net), **optimizer_tensors(optimizer)}


def test_training_goes_on_bit_for_bit(tmp_path: Path) -> None:
    net, optimizer = made_net()
    train(net, optimizer, 3)
    path = tmp_path / "c.safetensors"
    facts = {"step": 3, "rows": [{"loss": 0.1}]}
    save_checkpoint(path, all_tensors(net, optimizer), facts)
    train(net, optimizer, 4)
    other, other_optimizer = made_net()
    tensors, back = load_checkpoint(path)
    assert back == facts
    restore_module("net", other, tensors)
    restore_optimizer(other_optimizer, tensors)
    train(other, other_optimizer, 4)
    expected = all_tensors(net, optimizer)
    for name, tensor in all_tensors(other, other_optimizer).items():
        assert torch.equal(tensor, expected[name]), name
    assert list(tmp_path.iterdir()) == [path]


def test_a_failed_write_leaves_the_old_checkpoint(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "c.safetensors"
    save_checkpoint(path, {"a": torch.ones(2)}, {"step": 1})

    def disk_full(descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", disk_full)
    with pytest.raises(TrainingError, match="No space left"):
        save_checkpoint(path, {"a": torch.zeros(2)}, {"step": 2})
    tensors, facts = load_checkpoint(path)
    assert facts == {"step": 1}
    assert torch.equal(tensors["a"], torch.ones(2))


def test_a_folder_that_cannot_be_written(tmp_path: Path) -> None:
    with pytest.raises(TrainingError, match="cannot be written"):
        save_checkpoint(tmp_path / "no" / "c.safetensors", {"a": torch.ones(1)}, {})


def test_a_missing_checkpoint(tmp_path: Path) -> None:
    with pytest.raises(TrainingError, match="start without `resume`"):
        load_checkpoint(tmp_path / "c.safetensors")


@pytest.mark.parametrize("damage", ["cut", "empty", "alien", "no facts"])
def test_a_damaged_checkpoint(tmp_path: Path, damage: str) -> None:
    path = tmp_path / "c.safetensors"
    save_checkpoint(path, {"a": torch.ones(100)}, {"step": 1})
    data = path.read_bytes()
    changed = {
        "cut": data[:-50],
        "empty": b"",
        "alien": b"PK" + data[2:],
        "no facts": data.replace(b"facts", b"fakts"),
    }
    path.write_bytes(changed[damage])
    with pytest.raises(TrainingError, match="damaged"):
        load_checkpoint(path)
