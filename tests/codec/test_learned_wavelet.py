"""The codec with networks around a wavelet: encoder and decoder see the same picture so far."""

from __future__ import annotations

import copy
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from tools.golden.models import TINY, smooth_pixels
from vqzip.autoencoders.config import GainsConfig, RefinerConfig, WaveletTransformConfig
from vqzip.autoencoders.discrete import Vqvae
from vqzip.autoencoders.residual import initialize
from vqzip.autoencoders.wavelet.transform import WaveletTransform
from vqzip.codec import tiles
from vqzip.codec.codec import Codec
from vqzip.codec.latents import LatentTransform
from vqzip.codec.tiles import TileGrid
from vqzip.codes import Frame
from vqzip.models.folder import Model, load
from vqzip.models.learned import load_vqvae, save, with_vqvae
from vqzip.pictures.picture import Picture
from vqzip.quality import Quality

SIZES = [(1, 1), (33, 17), (61, 83), (64, 96)]
"""Height and width."""


@pytest.fixture(scope="module")
def vqvae() -> Vqvae:
    """A transform with random networks and strong gains."""
    tiny = load(TINY)
    refiner = RefinerConfig(6, 1)
    transform = WaveletTransformConfig(3, before=refiner, after=refiner, gains=GainsConfig(4))
    config = replace(tiny.config, vqvae=replace(tiny.config.vqvae, transform=transform))
    vqvae = Vqvae(config.vqvae)
    initialize(vqvae, torch.Generator().manual_seed(3))
    return vqvae.eval().requires_grad_(requires_grad=False)


@pytest.fixture(scope="module")
def learned(vqvae: Vqvae) -> Model:
    """The tiny model's prior around them."""
    return with_vqvae(load(TINY), vqvae)


@pytest.mark.parametrize("gray", [False, True])
@pytest.mark.parametrize("size", SIZES, ids=lambda size: f"{size[0]}x{size[1]}")
def test_the_encoder_sees_what_the_decoder_will(
    learned: Model, size: tuple[int, int], monkeypatch: pytest.MonkeyPatch, *, gray: bool
) -> None:
    height, width = size
    pixels: NDArray[np.uint8] = smooth_pixels(height, width, 4)
    pixels = pixels[:, :, 0].copy() if gray else pixels
    grid = TileGrid(width, height, 1024)
    autoencoder = learned.autoencoder
    frame = Frame(width, height, Quality(20), gray)
    tile = LatentTransform(autoencoder).of_tile(pixels, grid, 0, frame)
    taken = []
    monkeypatch.setattr(tile._analysis, "take", lambda _, quantized: taken.append(quantized))
    for level, config in enumerate(learned.config.vqvae.levels[:-1]):
        codes = tile.nearest(level)
        tile.add(level, codes)
        # What decoding makes of the codes: zeros up to whole cells of the coarsest level.
        padded = [-(-side // 8) * 8 // config.stride for side in size]
        missing = [(0, p - n) for p, n in zip(padded, codes.shape[1:], strict=True)]
        wide = np.pad(codes, [(0, 0), *missing])
        known = wide.reshape(config.groups, 1, *padded)
        decoded = autoencoder.quantizers[level].dequantize(
            known, autoencoder.config.step(frame.quality)
        )
        assert np.array_equal(taken[level][:, : padded[0], : padded[1]], decoded)
        assert not gray or not codes[config.channels // 3 :].any()


@pytest.mark.parametrize("size", SIZES, ids=lambda size: f"{size[0]}x{size[1]}")
def test_files_decode_to_their_codes(learned: Model, size: tuple[int, int]) -> None:
    codec = Codec(learned)
    picture = Picture(smooth_pixels(*size, 5))
    for effort in (0, 1):
        encoded = codec.encode_picture(picture, quality=6, effort=effort)
        assert codec.decode_codes(encoded.data).equals(encoded.codes)
        assert codec.decode_picture(encoded.data).pixels.shape == picture.pixels.shape


def test_gains_cost_no_accuracy(
    learned: Model, vqvae: Vqvae, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Tiles know their neighbors' codes only nearly, which must show nowhere."""
    vqvae = copy.deepcopy(vqvae)
    assert isinstance(vqvae.transform, WaveletTransform)
    vqvae.transform.start()
    gains = vqvae.transform.gains
    assert gains is not None
    with torch.no_grad():
        for level in gains.levels[1:]:
            # Half the step everywhere, so that every error should be below that without gains.
            level.bands.bias.fill_(-0.7)
    plain, gained = Codec(load(TINY)), Codec(with_vqvae(learned, vqvae))
    picture = Picture(smooth_pixels(300, 290, 6))
    monkeypatch.setattr(tiles, "STREAM_TILE_LOG2", 8)
    errors = []
    for codec in (plain, gained):
        decoded = codec.decode_picture(codec.encode_picture(picture, quality=4).data)
        difference = picture.pixels.astype(np.float64) - decoded.pixels
        errors.append(np.square(difference).reshape(300, 290, 3).mean(2))
    assert errors[1].mean() < errors[0].mean()
    border = errors[1][248:264].mean(), errors[1][:, 248:264].mean()
    assert max(border) < 2 * errors[1].mean()


def test_models_keep_the_networks_in_half_the_size(
    learned: Model, vqvae: Vqvae, tmp_path: Path
) -> None:
    tensors = learned.prior.to_tensors()
    save(tmp_path, learned.config, vqvae, tensors, {"a": torch.zeros(1)})
    again = load_vqvae(tmp_path).state_dict()
    for name, tensor in vqvae.state_dict().items():
        stored = again[name]
        assert stored.dtype == torch.float32
        if name.startswith(("transform.before.", "transform.after.")):
            assert torch.equal(stored, tensor.half().float()), name
        else:
            assert torch.equal(stored, tensor), name
