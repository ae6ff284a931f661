"""What docs/extend.md shows works as it is written."""

from __future__ import annotations

import json
import re
import shutil
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from tests.test_docs import vqzip_commands
from vqzip.autoencoders.autoencoder import Autoencoder
from vqzip.autoencoders.kinds import QUANTIZERS, check_transform
from vqzip.cli.app import run
from vqzip.codec.codec import Codec
from vqzip.errors import ModelError, UsageError
from vqzip.families.known import FAMILIES
from vqzip.hierarchy import LevelConfig
from vqzip.models.abilities import scoring
from vqzip.models.folder import load

PAGE = Path(__file__).parent.parent / "docs" / "extend.md"


def python_blocks() -> dict[str, str]:
    """Return the blocks of Python by title; the ones without a title are one after another."""
    blocks: dict[str, str] = {}
    text = PAGE.read_text(encoding="utf-8")
    for title, code in re.findall(r'^```python(?: title="(.*?)")?\n(.*?)^```$', text, re.M | re.S):
        blocks[title] = blocks.get(title, "") + code
    return blocks


@pytest.fixture
def folder(tmp_path: Path, photograph: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder with a photograph to measure on."""
    (tmp_path / "photographs").mkdir()
    shutil.copy(photograph, tmp_path / "photographs")
    monkeypatch.chdir(tmp_path)
    # The page's `python` is the one that runs the tests.
    monkeypatch.setenv("PATH", str(Path(sys.executable).parent), prepend=":")
    return tmp_path


@pytest.mark.slow
def test_a_command_line_is_measured_beside_a_model(
    folder: Path,
) -> None:
    (folder / "toy.py").write_text(python_blocks()["toy.py"])
    (arguments,) = vqzip_commands(PAGE)
    assert run(arguments) == 0
    results = json.loads((folder / "curve" / "results.json").read_text())
    (points,) = [codec["points"] for codec in results["codecs"] if codec["label"] == "toy"]
    assert [point["setting"] for point in points] == [64, 32, 16, 8]
    rates = [p["rate_bpp"] for p in points]
    assert rates == sorted(rates)


def test_an_object_is_measured(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    exec(python_blocks()[""], {"__name__": "page"})  # noqa: S102
    lines = capsys.readouterr().out.splitlines()
    rates = [float(re.search(r": ([\d.]+) bpp", line)[1]) for line in lines]  # type: ignore[index]
    assert len(rates) == 4
    assert rates == sorted(rates)


@pytest.fixture
def names(monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """What the page's quantizer defines, and the kind is known."""
    monkeypatch.setitem(QUANTIZERS, "companded", QUANTIZERS["grid"])
    found: dict[str, Any] = {"__name__": "page"}
    for title in ("companded.py", "registration"):
        # The page's code is no part of this module, whose annotations are strings.
        exec(compile(python_blocks()[title], title, "exec", dont_inherit=True), found)  # noqa: S102
    return found


def test_the_quantizer_is_the_same_in_torch_and_numpy(names: dict[str, Any]) -> None:
    level = LevelConfig(stride=2, groups=3, quantizer=names["CompandedConfig"]())
    kind = QUANTIZERS["companded"]
    quantizer = kind.quantizer(level)
    z_e = torch.randn(1, 3, 16, 16, generator=torch.Generator().manual_seed(0)) * 200
    step = torch.tensor([20.0])
    quantized = quantizer.quantize(z_e, step)
    coding = names["CompandedCoding"](np.full((3, 3), 0.06, np.float32))
    codes = coding.quantize(z_e[0].numpy(), 20.0)
    assert np.array_equal(codes, quantized.codes[0].numpy())
    assert coding.dequantize(codes, 20.0) == pytest.approx(quantized.z_q[0].numpy(), rel=1e-5)
    # Errors grow with the magnitude, as the page says.
    small, large = z_e.abs() < 50, z_e.abs() > 300
    error = (quantized.z_q - z_e).abs()
    assert error[large].mean() > 2 * error[small].mean()
    learner = kind.learner(quantizer, None)
    before = quantizer.dequantize(quantized.codes, step)
    learner.learn(quantizer, z_e, quantized.codes, step, torch.Generator())
    assert not torch.equal(quantizer.dequantize(quantized.codes, step), before)


def test_the_codec_writes_and_reads_its_codes(
    names: dict[str, Any], tiny_model: Path, photograph: Path
) -> None:
    model = load(tiny_model)
    kind = names["CompandedConfig"]()
    levels = tuple(replace(level, quantizer=kind) for level in model.config.vqvae.levels)
    vqvae = replace(model.config.vqvae, levels=levels)
    check_transform(vqvae)
    shifts = [np.full((level.groups, 3), 0.06, np.float32) for level in levels]
    autoencoder = Autoencoder(
        vqvae, model.autoencoder.transform, [names["CompandedCoding"](shift) for shift in shifts]
    )
    config = replace(model.config, vqvae=vqvae)
    codec = Codec(replace(model, config=config, autoencoder=autoencoder))
    image = Image.open(photograph)
    encoded = codec.encode(image, quality=8)
    assert codec.decode_codes(encoded).equals(codec.to_codes(image, quality=8))
    error = np.asarray(codec.decode(encoded), float) - np.asarray(image, float)
    assert np.abs(error).mean() < 20
    # Other codes than the grid's: the kind is used on the whole road.
    assert encoded != Codec(model).encode(image, quality=8)


@pytest.fixture
def family(monkeypatch: pytest.MonkeyPatch, folder: Path) -> dict[str, Any]:
    """What the page's family defines; the current folder has a model of it."""
    monkeypatch.setitem(FAMILIES, "histogram", None)
    found: dict[str, Any] = {"__name__": "page"}
    for title in ("histogram.py", "a family in the table", "a model of it"):
        exec(compile(python_blocks()[title], title, "exec", dont_inherit=True), found)  # noqa: S102
    return found


def test_a_family_scores_and_samples(
    family: dict[str, Any], folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    model, pixels = family["model"], family["pixels"]
    score = scoring(model).score(pixels)
    assert score.bits_per_dim(pixels) == pytest.approx(8, abs=0.05)
    assert run(["sample", "--model", "pixels", "--count", "4", "-o", "grid.png"]) == 0
    with Image.open("grid.png") as grid:
        assert grid.size == (2 * 32 + 2, 2 * 32 + 2)
    capsys.readouterr()
    assert run(["encode", str(next(folder.glob("photographs/*"))), "--model", "pixels"]) == 2
    said = capsys.readouterr().err
    assert "it scores pictures and samples pictures" in said
    assert run(["sample", "--model", "pixels", "--label", "3"]) == 2


def test_a_family_is_listed_and_damage_is_found(
    family: dict[str, Any],
    folder: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setenv("VQZIP_MODELS", str(folder))
    assert run(["models", "--json"]) == 0
    listed = json.loads(capsys.readouterr().out)
    assert [one["metric"] for one in listed if one["name"] == "pixels"] == ["bits"]
    config = folder / "pixels" / "config.json"
    family["write_stored"](folder / "pixels", family["HistogramConfig"]("pixels", 5000), {})
    with pytest.raises(ModelError, match=r"config\.size must be 1 to 4096"):
        family["load_model"]("pixels")
    config.write_text(config.read_text().replace("histogram", "unheard"))
    with pytest.raises(ModelError, match="of a family that this vqzip does not know"):
        family["load_model"]("pixels")
    config.write_text("{}")
    with pytest.raises(UsageError, match="has no codes"):
        family["load_model"]("pixels")
