"""Model folders: summarized, loaded, and refused with a sentence when damaged."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch

from vqzip.autoencoders.torch_weights import checked_device
from vqzip.errors import ModelError
from vqzip.families.installed import installed
from vqzip.models import places as model_places
from vqzip.models.folder import load, read_config
from vqzip.models.learned import load_vqvae, save
from vqzip.models.places import IDENTITY, model_id, write_sums


@pytest.fixture
def shelf(tmp_path: Path, tiny_model: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Two roots with models: `one` in both, `two` in the second."""
    first, second = tmp_path / "first", tmp_path / "second"
    shutil.copytree(tiny_model, first / "one")
    shutil.copytree(tiny_model.parent / "tiny-vq", second / "one")
    shutil.copytree(tiny_model.parent / "tiny-vq", second / "two")
    (second / "no-model").mkdir()
    monkeypatch.setattr(model_places, "search_path", lambda: (first, second))
    return tmp_path


def test_summaries(shelf: Path) -> None:
    folder = shelf / "first" / "one"
    (folder / "CARD.md").write_text("# one\n\nLicense: Apache-2.0.\n")
    point = {"quality": 1.0, "rate_bpp": 0.25, "psnr_db": 30.5, "ms_ssim": None}
    (folder / "curve.json").write_text(json.dumps([point]))
    one, two = installed()
    assert (one.name, one.path, one.id) == ("one", folder, model_id(folder))
    assert one.bytes == sum(file.stat().st_size for file in folder.iterdir())
    assert (one.card_license, one.curve) == ("Apache-2.0", [point])
    assert (two.card_license, two.curve) == ("not stated", [])


def test_looking_loads_no_torch() -> None:
    code = (
        "import sys; from vqzip.families.installed import installed; installed(); "
        "assert not {'torch', 'numpy'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


@pytest.mark.parametrize("name", ["tiny", "tiny-vq"])
def test_what_is_saved_loads_again(tmp_path: Path, tiny_model: Path, name: str) -> None:
    model = load(tiny_model.parent / name)
    vqvae = load_vqvae(model.path)
    assert not vqvae.training
    assert not any(p.requires_grad for p in vqvae.parameters())
    copy = tmp_path / "copy"
    save(copy, model.config, vqvae, model.prior.to_tensors(), {"a": torch.ones(1)})
    again = load(copy)
    assert again.config == model.config
    for key, tensor in vqvae.state_dict().items():
        assert torch.equal(load_vqvae(copy).state_dict()[key], tensor)
    tensors = again.prior.to_tensors()
    assert all(np.array_equal(tensors[k], v) for k, v in model.prior.to_tensors().items())
    assert model_id(copy) == again.id


def test_unwritable_folders(tmp_path: Path, tiny_model: Path) -> None:
    model = load(tiny_model)
    (tmp_path / "file").write_text("in the way")
    (tmp_path / "taken" / "vqvae.safetensors").mkdir(parents=True)
    for folder in (tmp_path / "file" / "model", tmp_path / "taken"):
        with pytest.raises(ModelError, match="cannot be written"):
            save(folder, model.config, load_vqvae(tiny_model), model.prior.to_tensors(), {})


@pytest.mark.parametrize(
    ("name", "change", "words"),
    [
        ("config.json", b"{", "cannot be read"),
        ("config.json", b'{"name": "x"}', "lacks the key"),
        ("config.json", b"\xff\xfe", "cannot be read"),
        ("vqvae.safetensors", b"", "damaged"),
        ("vqvae.safetensors", b"\x08\0\0\0\0\0\0\0{}      ", "damaged"),
        ("exact_prior.safetensors", b"no tensors", "damaged"),
        ("exact_prior.safetensors", b"\x08\0\0\0\0\0\0\0{}      ", "the exact prior lacks"),
    ],
)
def test_damaged_folders(shelf: Path, name: str, change: bytes, words: str) -> None:
    (shelf / "first" / "one" / name).write_bytes(change)
    write_sums(shelf / "first" / "one", IDENTITY)
    with pytest.raises(ModelError, match=words) as caught:
        load("one")
    assert "\n" not in str(caught.value)


def test_a_later_format(shelf: Path) -> None:
    path = shelf / "first" / "one" / "config.json"
    plain = json.loads(path.read_text())
    path.write_text(json.dumps(plain | {"format": 2}))
    with pytest.raises(ModelError, match="newer vqzip"):
        read_config(path.parent)


@pytest.mark.parametrize("device", ["cuda:99", "nonsense", "", "meta"])
def test_devices_that_are_not_there(device: str) -> None:
    with pytest.raises(ModelError, match=f"'{device}' is not there"):
        checked_device(device)


def test_devices_that_are_there() -> None:
    assert checked_device("cpu").type == "cpu"
    assert checked_device("auto").type == ("cuda" if torch.cuda.is_available() else "cpu")
