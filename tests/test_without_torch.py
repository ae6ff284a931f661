"""The codec in a process where torch cannot be imported: command line, API, and what needs torch."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from PIL import Image

from tools.golden.models import TINY, TINY_GAINS, TINY_VQ
from vqzip.codec.codec import Codec
from vqzip.models.folder import load

BLOCK = "import sys; sys.modules['torch'] = None; sys.modules['torchvision'] = None; "


def run(*arguments: object, block: str = BLOCK) -> subprocess.CompletedProcess[str]:
    """Run a command line where torch is missing."""
    code = f"{block}from vqzip.cli.app import run; sys.exit(run({[str(a) for a in arguments]!r}))"
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)


@pytest.mark.parametrize("model", [TINY, TINY_VQ, TINY_GAINS], ids=lambda folder: folder.name)
def test_encode_info_and_decode(model: Path, photograph: Path, tmp_path: Path) -> None:
    file, picture = tmp_path / "a.vqz", tmp_path / "a.png"
    for arguments in (
        ("encode", photograph, "-o", file, "--model", model),
        ("info", file),
        ("decode", file, "-o", picture, "--model", model),
    ):
        done = run(*arguments)
        assert done.returncode == 0, done.stderr
    with Image.open(picture) as decoded, Image.open(photograph) as original:
        assert decoded.size == original.size
    in_torch = Codec(load(model, runtime="torch"))
    onnx = Codec(load(model))
    data = file.read_bytes()
    assert in_torch.decode_codes(data).equals(onnx.decode_codes(data))
    drawn = in_torch.decode_picture(data).pixels.astype(int) - onnx.decode_picture(data).pixels
    assert abs(drawn).max() <= 1


def test_models_sample_and_doctor(tmp_path: Path) -> None:
    assert run("models").returncode == 0
    out = tmp_path / "samples.png"
    done = run("sample", "--model", TINY, "--count", 2, "--size", 16, "-o", out)
    assert done.returncode == 0, done.stderr
    assert "networks: ONNX Runtime" in run("doctor").stdout


@pytest.mark.parametrize(
    "arguments",
    [
        ("train", "photo", "--data", ".", "--out", "run"),
        ("rd-curve", ".", "--model", "photo"),
    ],
)
def test_what_needs_torch_says_so(arguments: tuple[str, ...], tmp_path: Path) -> None:
    done = run(*arguments)
    assert done.returncode == 2
    assert done.stderr == "vqzip: this needs torch: pip install vqzip[train]\n"


def test_without_onnx_runtime_torch_computes(photograph: Path, tmp_path: Path) -> None:
    hidden = "import sys, importlib.util as u; there = u.find_spec\n"
    hidden += "u.find_spec = lambda n, *a: None if n == 'onnxruntime' else there(n, *a)\n"
    done = run("encode", photograph, "-o", tmp_path / "a.vqz", "--model", TINY, block=hidden)
    assert done.returncode == 0, done.stderr
    assert "networks: torch" in run("doctor", block=hidden).stdout


def test_with_neither_one_sentence_says_what_to_install(photograph: Path, tmp_path: Path) -> None:
    hidden = "import sys, importlib.util as u; there = u.find_spec\n"
    hidden += "hide = ('onnxruntime', 'torch')\n"
    hidden += "u.find_spec = lambda n, *a: None if n in hide else there(n, *a)\n"
    done = run("encode", photograph, "-o", tmp_path / "a.vqz", "--model", TINY, block=hidden)
    assert (done.returncode, done.stderr) == (
        2,
        "vqzip: networks need onnxruntime: pip install onnxruntime\n",
    )
    assert "networks: none" in run("doctor", block=hidden).stdout


def test_importing_the_package_is_light() -> None:
    code = "import sys, vqzip; print(*sys.modules)"
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parent.parent)}
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, env=environment
    )
    heavy = {"torch", "numpy", "PIL", "onnxruntime", "typer", "rich", "constriction", "safetensors"}
    assert not heavy & set(done.stdout.split())


def test_the_api_and_the_plugin_for_pillow(photograph: Path, tmp_path: Path) -> None:
    program = (
        "import vqzip, vqzip.pillow; from PIL import Image; "
        f"data = vqzip.encode({str(photograph)!r}, psnr=30); assert vqzip.decode(data).size == (323, 310); "
        f"path = {str(tmp_path / 'a.vqz')!r}; Image.open({str(photograph)!r}).save(path); "
        "image = Image.open(path); image.thumbnail((64, 64)); assert image.size == (64, 61); "
        f"vqzip.encode({str(photograph)!r}, ms_ssim=0.9)"
    )
    done = subprocess.run(
        [sys.executable, "-c", BLOCK + program], capture_output=True, text=True, check=False
    )
    assert "vqzip.errors.UsageError: MS-SSIM needs torch: pip install vqzip[train]" in done.stderr
