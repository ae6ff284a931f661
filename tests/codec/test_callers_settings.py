"""Settings that a program makes for its own networks: files stay the same, and so do the settings."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from tools.bench.callers_settings import BACKENDS, NEW_NAMES, SETTINGS, default_type
from tools.golden.models import TINY, TINY_GAINS, TINY_VQ, smooth_pixels
from vqzip.autoencoders.arithmetic import own_arithmetic
from vqzip.autoencoders.runtime import runtime_for
from vqzip.codec.codec import load
from vqzip.pictures.picture import Picture

PICTURE = Picture(smooth_pixels(37, 50, 31))


def settings_of_torch() -> list[object]:
    """Return what a caller can ask of torch about the settings that are changed here."""
    asked = [
        torch.get_default_dtype(),
        torch.get_float32_matmul_precision(),
        BACKENDS.cuda.matmul.allow_tf32,
        torch.is_autocast_enabled("cpu"),
        torch.is_inference_mode_enabled(),
        torch.is_grad_enabled(),
    ]
    if NEW_NAMES:
        places = (BACKENDS, BACKENDS.mkldnn.matmul, BACKENDS.mkldnn.conv, BACKENDS.cuda.matmul)
        asked += [place.fp32_precision for place in (*places, BACKENDS.cudnn.conv)]
    return asked


@pytest.fixture(scope="module", params=["onnx", "torch"])
def runtime(request: pytest.FixtureRequest) -> Iterator[str]:
    """What runs the networks: ONNX Runtime, or PyTorch as on a GPU."""
    with pytest.MonkeyPatch.context() as patch:
        if request.param == "torch":
            patch.setattr("vqzip.autoencoders.runtime._installed", lambda name: name == "torch")
        yield request.param


@pytest.fixture(scope="module", params=[TINY, TINY_VQ, TINY_GAINS], ids=lambda folder: folder.name)
def folder(request: pytest.FixtureRequest, runtime: str) -> Path:
    assert runtime_for("cpu") == runtime
    return request.param  # type: ignore[no-any-return]


@pytest.fixture(scope="module")
def plain(folder: Path) -> list[tuple[bytes, NDArray[np.uint8]]]:
    """Files of both ways to choose codes, and their pixels, made without any setting."""
    codec = load(folder)
    files = [codec.encode_picture(PICTURE, quality=6, effort=effort).data for effort in (0, 1)]
    return [(file, codec.decode_picture(file).pixels) for file in files]


@pytest.mark.parametrize("name", SETTINGS)
def test_files_and_settings_stay_the_same(
    folder: Path, plain: list[tuple[bytes, NDArray[np.uint8]]], name: str
) -> None:
    with SETTINGS[name]():
        before = settings_of_torch()
        codec = load(folder)
        for effort, (file, pixels) in zip((0, 1), plain, strict=True):
            encoded = codec.encode_picture(PICTURE, quality=6, effort=effort)
            assert encoded.data == file
            assert codec.decode_codes(file).equals(encoded.codes)
            assert np.array_equal(codec.decode_picture(file).pixels, pixels)
        assert settings_of_torch() == before


@pytest.mark.skipif(not NEW_NAMES, reason="torch 2.9 brought these names")
def test_precisions_that_were_set_one_by_one_come_back() -> None:
    places = (BACKENDS.mkldnn.matmul, BACKENDS.mkldnn.conv)
    for place in places:
        place.fp32_precision = "bf16"
    try:
        with own_arithmetic():
            assert [place.fp32_precision for place in places] == ["ieee", "ieee"]
        assert [place.fp32_precision for place in places] == ["bf16", "bf16"]
    finally:
        for place in places:
            place.fp32_precision = "none"


def test_two_threads_leave_what_the_first_found() -> None:
    inside, leave = threading.Event(), threading.Event()

    def first() -> None:
        with own_arithmetic():
            inside.set()
            leave.wait(60)

    with SETTINGS["matmul precision medium"]():
        thread = threading.Thread(target=first)
        thread.start()
        assert inside.wait(60)
        with own_arithmetic():
            leave.set()
            thread.join(60)
            assert torch.get_float32_matmul_precision() == "highest"
        assert torch.get_float32_matmul_precision() == "medium"


def test_the_default_type_is_never_changed() -> None:
    with default_type(torch.float64), own_arithmetic():
        assert torch.get_default_dtype() == torch.float64


def test_an_error_gives_the_settings_back() -> None:
    with SETTINGS["matmul precision medium"]():
        with pytest.raises(KeyError), own_arithmetic():
            raise KeyError
        assert torch.get_float32_matmul_precision() == "medium"
    assert torch.is_grad_enabled()
