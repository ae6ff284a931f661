"""Refined codes: slopes against differences, costs that fall, what must stay as it is."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from tests.training.tiny_recipes import tiny_recipe
from tools.golden.models import smooth_pixels
from vqzip.autoencoders.config import WaveletTransformConfig
from vqzip.autoencoders.discrete import Vqvae
from vqzip.codec.refinement import Refinement
from vqzip.codec.refinement_parts import from_context_tiles, part_of, to_context_tiles
from vqzip.codec.tiles import stream_tiles
from vqzip.codes import Codes, Frame
from vqzip.prior.float.logistic_head import logistic_bits
from vqzip.prior.float.pixelcnn import PixelCnn
from vqzip.quality import Quality

PRICE = 0.12


@pytest.fixture(scope="module")
def networks(tmp_path_factory: pytest.TempPathFactory) -> tuple[Vqvae, PixelCnn]:
    recipe = tiny_recipe(tmp_path_factory.mktemp("recipe"), "predicted")
    vqvae = Vqvae(recipe.vqvae)
    vqvae.initialize(torch.Generator().manual_seed(0))
    return vqvae, PixelCnn(recipe.vqvae, recipe.prior, torch.Generator().manual_seed(1))


def nearest_codes(vqvae: Vqvae, pixels: NDArray[np.uint8], quality: Quality) -> Codes:
    """Return the nearest codes of a picture, a gray one's luma alone."""
    height, width = pixels.shape[:2]
    color = pixels if pixels.ndim == 3 else np.repeat(pixels[:, :, None], 3, 2)
    padded = np.pad(color, ((0, -height % 4), (0, -width % 4), (0, 0)), mode="edge")
    batch = torch.from_numpy(padded).permute(2, 0, 1)[None].float()
    frame = Frame(width, height, quality, gray=pixels.ndim == 2)
    codes = Codes.blank(vqvae.config, frame)
    for number, (own, found) in enumerate(
        zip(codes.maps, vqvae.encode(batch, quality), strict=True)
    ):
        luma = vqvae.config.luma(number) if frame.gray else own.shape[0]
        own[:luma] = found[0, :luma, 0, : own.shape[1], : own.shape[2]].numpy()
    return codes


def cost(refinement: Refinement, pixels: NDArray[np.uint8], codes: Codes) -> float:
    """Return error and bits of a picture of one stream tile, in squared steps."""
    (tile,) = stream_tiles(codes.width, codes.height)
    part = part_of(refinement._vqvae.config, pixels, codes, tile, None)
    return refinement._slopes(part, part.codes)[0]


@pytest.mark.parametrize("stride", [2, 32])
def test_context_tiles_and_back(stride: int) -> None:
    level = torch.arange(3 * 512 * 768 // stride**2).reshape(1, 3, 512 // stride, 768 // stride)
    tiles = to_context_tiles(level, stride)
    side = 256 // stride
    assert tiles.shape == (6, 3, side, side)
    assert torch.equal(tiles[4], level[0, :, side:, side : 2 * side])
    assert torch.equal(from_context_tiles(tiles, *level.shape[2:]), level)


@pytest.mark.parametrize("gray", [False, True])
def test_refined_codes_cost_less(networks: tuple[Vqvae, PixelCnn], gray: bool) -> None:
    vqvae, prior = networks
    refinement = Refinement(vqvae, prior, PRICE)
    pixels = smooth_pixels(70, 90, 3)
    if gray:
        pixels = pixels[:, :, 0].copy()
    start = nearest_codes(vqvae, pixels, Quality(8))
    costs = [cost(refinement, pixels, start)]
    for rounds in (1, 4):
        refined = refinement.refined(pixels, start, rounds)
        refined.check_shapes(vqvae.config)
        costs.append(cost(refinement, pixels, refined))
        if gray:
            for number, level in enumerate(refined.maps):
                assert not level[vqvae.config.luma(number) :].any()
    assert costs[2] < costs[1] < costs[0]


def test_no_round_changes_nothing(networks: tuple[Vqvae, PixelCnn]) -> None:
    pixels = smooth_pixels(40, 40, 4)
    start = nearest_codes(networks[0], pixels, Quality(8))
    assert Refinement(*networks, PRICE).refined(pixels, start, 0).equals(start)


def test_the_slope_of_the_error_is_what_a_move_changes(
    networks: tuple[Vqvae, PixelCnn],
) -> None:
    """With a linear decoder the second derivative is 2 nearly, so one move says it all."""
    config = networks[0].config
    plain = WaveletTransformConfig(decompositions=2)
    vqvae = Vqvae(replace(config, transform=plain))
    refinement = Refinement(vqvae, networks[1], PRICE)
    pixels = smooth_pixels(64, 64, 5)
    codes = nearest_codes(vqvae, pixels, Quality(8))
    (tile,) = stream_tiles(64, 64)
    part = part_of(refinement._vqvae.config, pixels, codes, tile, None)
    before, slopes = refinement._error(part, part.codes)
    for level, place in ((1, (0, 2, 5, 6)), (2, (0, 4, 10, 9))):
        moved = [each.clone() for each in part.codes]
        # Away from zero: the centroids of a grid lie a little nearer to zero than its codes.
        change = 1.0 if moved[level][place] >= 0 else -1.0
        moved[level][place] += change
        after, _ = refinement._error(part, moved)
        expected = slopes[level][place].item() * change + 1.0
        assert after - before == pytest.approx(expected, abs=0.2)


def test_the_slope_of_the_bits_is_that_of_later_codes(
    networks: tuple[Vqvae, PixelCnn], monkeypatch: pytest.MonkeyPatch
) -> None:
    """All that a code's inputs do to the code length, against a small change of the inputs."""
    prior = networks[1]
    refinement = Refinement(*networks, PRICE)
    pixels = smooth_pixels(64, 64, 6)
    codes = nearest_codes(networks[0], pixels, Quality(16))
    (tile,) = stream_tiles(64, 64)
    part = part_of(refinement._vqvae.config, pixels, codes, tile, None)
    bits, slopes, _ = refinement._bits(part, part.codes)
    place, nudge = (0, 1, 7, 8), 1e-2
    original = prior.features

    def nudged(number: int, codes: torch.Tensor) -> torch.Tensor:
        features = original(number, codes).clone()
        if number == 1:
            features[place] += nudge
        return features

    monkeypatch.setattr(prior, "features", nudged)
    more, _, _ = refinement._bits(part, part.codes)
    assert slopes[1][place].item() != 0
    assert (more - bits) / nudge == pytest.approx(slopes[1][place].item(), rel=0.1, abs=0.02)


def test_own_bits_are_those_of_the_prior(networks: tuple[Vqvae, PixelCnn]) -> None:
    refinement = Refinement(*networks, PRICE)
    pixels = smooth_pixels(64, 64, 7)
    codes = nearest_codes(networks[0], pixels, Quality(16))
    (tile,) = stream_tiles(64, 64)
    part = part_of(refinement._vqvae.config, pixels, codes, tile, None)
    bits, _, parameters = refinement._bits(part, part.codes)
    tails = networks[1].tails()
    counted = sum(
        float((logistic_bits(level, own, *tails) * free).sum())
        for level, own, free in zip(part.codes, parameters, part.free, strict=True)
    )
    assert bits == pytest.approx(counted, rel=1e-4)


def test_errors_that_nobody_sees_do_not_count(networks: tuple[Vqvae, PixelCnn]) -> None:
    """Where all pixels are hidden, only bits are left to save, and every code goes to the cheapest."""
    refinement = Refinement(*networks, PRICE)
    pixels = smooth_pixels(64, 64, 8)
    start = nearest_codes(networks[0], pixels, Quality(24))
    hidden = np.zeros((64, 64), np.bool_)
    seen = refinement.refined(pixels, start, 3)
    unseen = refinement.refined(pixels, start, 3, hidden)
    assert not seen.equals(unseen)
