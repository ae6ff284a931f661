"""The networks in ONNX Runtime give what they give in torch: latents, pixels, refusals."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from tools.golden.models import wavelet_config
from vqzip.autoencoders.autoencoder import Autoencoder
from vqzip.autoencoders.config import (
    ConvTransformConfig,
    GainsConfig,
    PredictorConfig,
    RefinerConfig,
    VqvaeConfig,
    WaveletTransformConfig,
)
from vqzip.autoencoders.discrete import Vqvae
from vqzip.autoencoders.residual import initialize
from vqzip.autoencoders.runtime import Runtime, make_autoencoder, runtime_for
from vqzip.autoencoders.torch_transform import tensors_of
from vqzip.errors import ModelError, TrainingError, UsageError
from vqzip.hierarchy import CodebookConfig, LevelConfig
from vqzip.quality import Quality
from vqzip.training.runtime_check import check_runtimes

PREDICTORS = (PredictorConfig(4, 5, 3, 2), PredictorConfig(2, 6, 0, 1, fold=2))
TRANSFORMS = {
    "bare": WaveletTransformConfig(3),
    "before and after": WaveletTransformConfig(
        3, before=RefinerConfig(6, 1), after=RefinerConfig(5, 2, hidden=3)
    ),
    "gains of a subband": WaveletTransformConfig(3, gains=GainsConfig()),
    "masking": WaveletTransformConfig(3, gains=GainsConfig(width=4)),
    "predictors": WaveletTransformConfig(3, predictors=PREDICTORS),
    "all": WaveletTransformConfig(
        3, RefinerConfig(6, 1, 2), RefinerConfig(6, 1), GainsConfig(4), PREDICTORS
    ),
}


def books(*strides: int, groups: int = 1, depth: int = 1) -> VqvaeConfig:
    quantizer = CodebookConfig(size=7, dim=3)
    levels = tuple(LevelConfig(stride, groups, quantizer, depth) for stride in strides)
    return VqvaeConfig(levels, ConvTransformConfig(8, 4, 2))


CONFIGS = {
    name: replace(wavelet_config().vqvae, transform=transform)
    for name, transform in TRANSFORMS.items()
} | {
    "one level": books(4),
    "stride 1": books(2, 1),
    "two levels": books(8, 4, groups=2, depth=2),
    "three levels": books(16, 8, 2),
}


def random_networks(config: VqvaeConfig, seed: int) -> Vqvae:
    vqvae = Vqvae(config)
    initialize(vqvae, torch.Generator().manual_seed(seed))
    return vqvae.eval().requires_grad_(requires_grad=False)


def made(vqvae: Vqvae, runtime: Runtime) -> Autoencoder:
    return make_autoencoder(vqvae.config, tensors_of(vqvae), "cpu", runtime)


@pytest.mark.parametrize("name", TRANSFORMS)
def test_both_give_the_same_reduced_pictures(name: str) -> None:
    config = CONFIGS[name]
    vqvae = random_networks(config, 3)
    onnx, in_torch = made(vqvae, "onnx"), made(vqvae, "torch")
    chance = np.random.default_rng(4)
    for reduction in (2, 4, 8):
        levels = config.levels_of_reduction(reduction)
        assert levels is not None
        codes = [
            chance.integers(-3, 4, (level.groups, level.depth, *config.shape(number, 32, 48)))
            for number, level in enumerate(config.levels[:levels])
        ]
        part = slice(0, 32 // reduction), slice(0, 48 // reduction)
        maps = [each.astype(np.int32) for each in codes]
        first, second = (a.decode_reduced(maps, Quality.of(4), part) for a in (onnx, in_torch))
        assert first.shape == (3, 32 // reduction, 48 // reduction)
        assert np.abs(first - second).max() < 1e-2
    assert config.levels_of_reduction(16) is None


def test_levels_of_convolutions_are_no_pictures() -> None:
    config = CONFIGS["two levels"]
    assert config.levels_of_reduction(4) is None
    vqvae = random_networks(config, 3)
    level = config.levels[0]
    codes = [np.zeros((level.groups, level.depth, 2, 2), np.int32)]
    for autoencoder in (made(vqvae, "onnx"), made(vqvae, "torch")):
        with pytest.raises(ModelError, match="hold no pictures"):
            autoencoder.decode_reduced(codes, Quality(0), (slice(0, 2), slice(0, 2)))


@pytest.mark.parametrize("name", CONFIGS)
def test_both_give_the_same(name: str) -> None:
    vqvae = random_networks(CONFIGS[name], 3)
    onnx, in_torch = made(vqvae, "onnx"), made(vqvae, "torch")
    assert check_runtimes(vqvae, onnx) < 1e-2
    transform = vqvae.transform
    assert onnx.analysis_reach == in_torch.analysis_reach == transform.analysis_reach
    assert onnx.synthesis_reach == in_torch.synthesis_reach == transform.synthesis_reach
    assert onnx.transform.conditional == in_torch.transform.conditional == transform.conditional


@pytest.mark.parametrize("name", ["all", "two levels"])
@pytest.mark.parametrize("size", [(16, 16), (16, 48), (80, 32)])
def test_codes_and_pixels_are_those_of_the_vqvae(name: str, size: tuple[int, int]) -> None:
    vqvae = random_networks(CONFIGS[name], 4)
    onnx = made(vqvae, "onnx")
    quality = Quality(onnx.config.quality_steps // 2)
    step = onnx.config.step(quality)
    pixels = np.random.default_rng(5).integers(0, 256, (3, *size)).astype(np.float32)
    expected = vqvae.encode(torch.from_numpy(pixels)[None], quality)
    analysis = onnx.transform.analyze(pixels, step)
    codes: list[NDArray[np.int32]] = []
    for level, quantizer in enumerate(onnx.quantizers):
        latents = analysis.latents(level)
        codes.append(quantizer.quantize(latents, step))
        # The same codes further on, for a latent between two codes may fall to either side.
        differ = np.count_nonzero(codes[level] != expected[level][0].numpy())
        assert differ <= 0.002 * codes[level].size
        codes[level] = expected[level][0].numpy()
        analysis.take(level, quantizer.dequantize(codes[level], step))
    for count in range(1, len(codes) + 1):
        drawn = onnx.decode(codes[:count], quality)
        wanted = vqvae.decode([torch.from_numpy(c)[None] for c in codes[:count]], quality)[0]
        assert np.abs(drawn - wanted.numpy()).max() < 1e-2


@pytest.mark.parametrize("name", CONFIGS)
def test_a_part_is_that_of_the_whole(name: str) -> None:
    onnx = made(random_networks(CONFIGS[name], 9), "onnx")
    size = onnx.config.align * 12
    codes = [
        np.random.default_rng(6).integers(
            0, 2, (level.groups, level.depth, size // level.stride, size // level.stride), np.int32
        )
        for level in onnx.config.levels
    ]
    whole = onnx.decode(codes, Quality(0))
    for part in (slice(0, 17), slice(size // 2, size // 2 + 9)), (slice(size - 21, size),) * 2:
        drawn = onnx.decode(codes, Quality(0), part)
        assert drawn.shape == whole[:, part[0], part[1]].shape
        assert np.abs(drawn - whole[:, part[0], part[1]]).max() < 1e-2


def test_a_model_whose_networks_differ_is_refused() -> None:
    vqvae = random_networks(CONFIGS["before and after"], 6)
    onnx = made(vqvae, "onnx")
    assert isinstance(vqvae, torch.nn.Module)
    with torch.no_grad():
        next(iter(vqvae.parameters())).mul_(1.5)
    with pytest.raises(TrainingError, match="between torch and ONNX Runtime"):
        check_runtimes(vqvae, onnx)


@pytest.mark.parametrize("runtime", ["onnx", "torch"])
@pytest.mark.parametrize("name", ["all", "three levels"])
def test_weights_that_do_not_fit_are_refused(name: str, runtime: Runtime) -> None:
    config = CONFIGS[name]
    tensors = tensors_of(random_networks(config, 7))
    first, *_ = (key for key in tensors if key.endswith("weight"))
    changes: list[tuple[dict[str, NDArray[np.generic]], str]] = [
        ({first: tensors[first][:-1]}, "must have shape"),
        ({first: np.full(tensors[first].shape, np.nan, np.float32)}, "not finite"),
        ({first: tensors[first].astype(np.int32)}, "must be"),
        ({"another": np.zeros(1, np.float32)}, "unknown tensor 'another'"),
    ]
    for change, words in changes:
        with pytest.raises(ModelError, match=words):
            make_autoencoder(config, tensors | change, "cpu", runtime)
    del tensors[first]
    with pytest.raises(ModelError, match=f"lack the tensor '{first}'"):
        make_autoencoder(config, tensors, "cpu", runtime)


def test_half_precision_weights_are_taken() -> None:
    config = CONFIGS["before and after"]
    tensors = tensors_of(random_networks(config, 8))
    halves = {n: t.astype(np.float16) if ".after." in n else t for n, t in tensors.items()}
    rounded = {n: t.astype(np.float32) for n, t in halves.items()}
    codes = [np.ones((level.groups, 1, 4, 4), np.int32) for level in config.levels[:1]]
    first, second = (
        make_autoencoder(config, t, "cpu", "onnx").decode(codes, Quality(5))
        for t in (halves, rounded)
    )
    assert np.array_equal(first, second)


def test_what_is_installed_decides(monkeypatch: pytest.MonkeyPatch) -> None:
    there = {"onnxruntime", "torch"}
    monkeypatch.setattr("vqzip.autoencoders.runtime._installed", lambda name: name in there)
    assert runtime_for("cpu") == "onnx"
    there.remove("onnxruntime")
    assert runtime_for("cpu") == "torch"
    there.clear()
    with pytest.raises(UsageError, match="pip install onnxruntime"):
        runtime_for("cpu")
    with pytest.raises(UsageError, match=r"'cuda:1' needs torch: pip install vqzip\[train\]"):
        runtime_for("cuda:1")
    there.add("onnxruntime")
    assert runtime_for("auto") == "onnx"
