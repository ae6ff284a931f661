"""The codec from end to end: sizes, modes, tiles, regions, levels, cut files, efforts."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from tools.golden.models import TINY, TINY_VQ, smooth_pixels
from vqzip.codec import tiles
from vqzip.codec.codec import Codec, load
from vqzip.codec.encoder import Encoder
from vqzip.codes import Codes
from vqzip.container.build import build
from vqzip.container.parse import parse
from vqzip.errors import CodingError, ModelError, PictureError, UsageError, VqzipError
from vqzip.pictures.picture import Metadata, Picture

SIZES = [(1, 1), (1, 2000), (2000, 1), (33, 17), (8, 8), (61, 83)]
"""Height and width."""


@pytest.fixture(scope="module", params=[TINY, TINY_VQ], ids=lambda folder: folder.name)
def codec(request: pytest.FixtureRequest) -> Codec:
    return load(request.param)


@pytest.fixture
def small_tiles(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let stream tiles be of 256 pixels, the smallest that the format allows."""
    monkeypatch.setattr(tiles, "STREAM_TILE_LOG2", 8)


def largest_difference(first: NDArray[np.uint8], second: NDArray[np.uint8]) -> int:
    assert first.shape == second.shape
    return int(np.abs(first.astype(np.int16) - second).max())


def error(picture: Picture, decoded: Picture) -> float:
    return float(np.mean((picture.pixels.astype(np.float64) - decoded.pixels) ** 2))


@pytest.mark.parametrize("effort", [0, 1])
@pytest.mark.parametrize("size", SIZES, ids=lambda size: f"{size[0]}x{size[1]}")
def test_all_sizes(codec: Codec, size: tuple[int, int], effort: int) -> None:
    for pixels in (smooth_pixels(*size, 20), smooth_pixels(*size, 21)[:, :, 0].copy()):
        picture = Picture(pixels)
        encoded = codec.encode_picture(picture, quality=8, effort=effort)
        assert codec.decode_codes(encoded.data).equals(encoded.codes)
        decoded = codec.decode_picture(encoded.data)
        assert decoded.pixels.shape == pixels.shape
        if codec.model.name == "tiny":
            assert error(picture, decoded) < 5


def test_code_lengths_are_near_the_bytes(codec: Codec) -> None:
    for effort in (0, 1):
        encoded = codec.encode_picture(Picture(smooth_pixels(100, 100, 22)), effort=effort)
        payload_bits = 8 * sum(
            len(payload or b"")
            for stream in parse(encoded.data, max_pixels=10**6).streams
            for payload in stream
        )
        assert 0 <= payload_bits - sum(encoded.code_length_bits) < 0.01 * payload_bits + 200


def test_rate_and_distortion_choice_makes_smaller_files() -> None:
    codec = load(TINY)
    picture = Picture(smooth_pixels(100, 100, 23))
    nearest, chosen = (codec.encode_picture(picture, effort=effort) for effort in (0, 1))
    assert len(chosen.data) < 0.95 * len(nearest.data)


def test_quality_and_verification() -> None:
    codec = load(TINY)
    picture = Picture(smooth_pixels(64, 64, 24))
    errors, sizes = [], []
    for quality in (1.0, 3.0, 5.0, 8.0):
        encoded = codec.encode_picture(picture, quality=quality, verify=True)
        assert encoded.quality == quality
        errors.append(error(picture, codec.decode_picture(encoded.data)))
        sizes.append(len(encoded.data))
    assert errors == sorted(errors, reverse=True)
    assert sizes == sorted(sizes)


def test_gray_of_a_wavelet_is_its_luma_alone() -> None:
    codec = load(TINY)
    gray = Picture(smooth_pixels(70, 50, 25)[:, :, 1].copy())
    for effort in (0, 1):
        encoded = codec.encode_picture(gray, quality=6, effort=effort)
        for level in encoded.codes.levels:
            assert not level[len(level) // 3 :].any()
        decoded = codec.decode_picture(encoded.data)
        assert decoded.is_gray
        assert error(gray, decoded) < 10
        rgb = Picture(np.repeat(gray.pixels[:, :, None], 3, axis=2))
        assert len(encoded.data) <= len(codec.encode_picture(rgb, quality=6, effort=effort).data)


def test_alpha_and_metadata(codec: Codec) -> None:
    alpha = smooth_pixels(30, 40, 26)[:, :, 2].copy()
    metadata = Metadata(icc=b"profile", exif=b"II*\0", xmp=b"<xmp/>")
    picture = Picture(smooth_pixels(30, 40, 27), alpha, metadata)
    data = codec.encode_picture(picture).data
    decoded = codec.decode_picture(data)
    assert decoded.alpha is not None
    assert np.array_equal(decoded.alpha, alpha)
    assert decoded.metadata == metadata
    part = codec.decode_picture(data, region=(3, 5, 20, 10))
    assert part.alpha is not None
    assert np.array_equal(part.alpha, alpha[5:15, 3:23])


def test_metadata_too_large_are_refused_before_anything_is_coded(codec: Codec) -> None:
    metadata = Metadata(xmp=bytes((1 << 24) + 1))
    with pytest.raises(PictureError, match="XMP"):
        codec.encode_picture(Picture(smooth_pixels(8, 8, 28), metadata=metadata))


# Tiles


def test_tiles_have_no_seams(
    codec: Codec, small_tiles: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    picture = Picture(smooth_pixels(300, 530, 29))
    tiled = codec.encode_picture(picture, effort=0)
    file = parse(tiled.data, max_pixels=10**6)
    assert file.header.tiles == 6
    assert codec.decode_codes(tiled.data).equals(tiled.codes)
    monkeypatch.setattr(tiles, "STREAM_TILE_LOG2", 10)
    whole = codec.encode_picture(picture, effort=0)
    first, second = (codec.decode_picture(encoded.data) for encoded in (tiled, whole))
    same = [
        float(np.mean(a == b)) for a, b in zip(tiled.codes.levels, whole.codes.levels, strict=True)
    ]
    # Latents on the border between two codes may fall to either side.
    assert min(same) > 0.999
    close = np.abs(first.pixels.astype(int) - second.pixels) <= 1
    assert np.mean(close) > 0.995
    redrawn = codec.pixels_of_codes(tiled.codes)
    assert largest_difference(redrawn, first.pixels) <= 1


def test_context_tiles_make_one_file_of_any_tiling(codec: Codec, small_tiles: None) -> None:
    """Codes of a picture inside one stream tile do not depend on the tile's size."""
    picture = Picture(smooth_pixels(200, 256, 30))
    small = codec.encode_picture(picture)
    assert codec.decode_codes(small.data).equals(small.codes)
    assert load(codec.model.path).encode_picture(picture).codes.equals(small.codes)


@pytest.fixture(scope="module", params=[False, True], ids=["rgb", "gray"])
def tiled_file(codec: Codec, request: pytest.FixtureRequest) -> bytes:
    """A picture of 530 x 300 pixels in six stream tiles."""
    pixels = smooth_pixels(300, 530, 31)
    picture = Picture(pixels[:, :, 0].copy() if request.param else pixels)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(tiles, "STREAM_TILE_LOG2", 8)
        return codec.encode_picture(picture, effort=0).data


def test_a_region_is_the_cut_of_the_whole(codec: Codec, tiled_file: bytes) -> None:
    whole = codec.decode_picture(tiled_file).pixels
    for region in (
        (0, 0, 1, 1),
        (0, 0, 530, 300),
        (250, 200, 20, 100),
        (255, 255, 2, 2),
        (529, 299, 1, 1),
    ):
        left, top, width, height = region
        cut = whole[top : top + height, left : left + width]
        part = codec.decode_picture(tiled_file, region=region).pixels
        assert largest_difference(part, cut) <= 1, region


@pytest.mark.parametrize("region", [(0, 0, 0, 5), (-1, 0, 5, 5), (60, 0, 30, 5), (0, 61, 1, 1)])
def test_regions_outside_are_refused(codec: Codec, region: tuple[int, int, int, int]) -> None:
    data = codec.encode_picture(Picture(smooth_pixels(61, 83, 32)), effort=0).data
    with pytest.raises(PictureError, match="inside the picture"):
        codec.decode_picture(data, region=region)


@pytest.mark.slow
@pytest.mark.parametrize("effort", [0, 1])
def test_several_stream_tiles(codec: Codec, effort: int) -> None:
    picture = Picture(smooth_pixels(1025, 1030, 33))
    encoded = codec.encode_picture(picture, effort=effort, verify=True)
    assert parse(encoded.data, max_pixels=10**7).header.tiles == 4
    decoded = codec.decode_picture(encoded.data)
    part = codec.decode_picture(encoded.data, region=(1000, 1010, 30, 15))
    assert largest_difference(part.pixels, decoded.pixels[1010:1025, 1000:1030]) <= 1


# Levels and cut files


def test_every_level_makes_the_picture_better() -> None:
    codec = load(TINY)
    picture = Picture(smooth_pixels(61, 83, 34))
    data = codec.encode_picture(picture, quality=7).data
    errors = [error(picture, codec.decode_picture(data, levels=n)) for n in range(1, 5)]
    assert errors == sorted(errors, reverse=True)
    assert error(picture, codec.decode_picture(data)) == errors[-1]
    for levels in (0, 5):
        with pytest.raises(PictureError, match="levels 1 to 4"):
            codec.decode_picture(data, levels=levels)


def test_a_cut_file_is_drawn_from_the_levels_that_are_there(
    codec: Codec, small_tiles: None
) -> None:
    picture = Picture(smooth_pixels(60, 530, 35))
    data = codec.encode_picture(picture, quality=6).data
    errors = []
    for lost in (0, 10, 100, len(data) // 2):
        cut = data[: len(data) - lost]
        if lost:
            with pytest.raises(VqzipError):
                codec.decode_picture(cut)
        errors.append(error(picture, codec.decode_picture(cut, partial=True)))
    if codec.model.name == "tiny":
        assert errors == sorted(errors)
    with pytest.raises(VqzipError):
        codec.decode_picture(data[:30], partial=True)


def test_a_lost_stream_of_one_tile_leaves_the_others(small_tiles: None) -> None:
    codec = load(TINY)
    picture = Picture(smooth_pixels(40, 700, 36))
    data = codec.encode_picture(picture, quality=7).data
    damaged = bytearray(data)
    damaged[-6] ^= 0x10  # in the last payload: finest stream, third tile
    whole = codec.decode_picture(data).pixels
    part = codec.decode_picture(bytes(damaged), partial=True).pixels
    assert np.array_equal(part[:, :256], whole[:, :256])
    assert not np.array_equal(part[:, 512:], whole[:, 512:])


# Efforts


def test_efforts() -> None:
    codec = load(TINY)
    picture = Picture(smooth_pixels(64, 64, 37))
    nearest, chosen = (codec.encode_picture(picture, quality=5, effort=e) for e in (0, 1))
    assert nearest.data != chosen.data
    for encoded in (nearest, chosen):
        assert encoded.quality == 5
        assert codec.decode_codes(encoded.data).equals(encoded.codes)
    for effort in (-1, 4):
        with pytest.raises(UsageError, match="0 to 3"):
            codec.encode_picture(picture, effort=effort)


@pytest.mark.parametrize("effort", [2, 3])
def test_models_whose_codes_cannot_be_refined_say_so(effort: int) -> None:
    picture = Picture(smooth_pixels(40, 40, 38))
    model = load(TINY).model
    structural = Codec(replace(model, config=replace(model.config, metric="ms-ssim")))
    for codec in (load(TINY_VQ), structural):
        with pytest.raises(UsageError, match="efforts 0 and 1 only"):
            codec.encode_picture(picture, effort=effort)


@pytest.mark.parametrize("better", [False, True])
def test_refined_codes_are_taken_only_if_they_cost_less(
    monkeypatch: pytest.MonkeyPatch, better: bool
) -> None:
    picture = Picture(smooth_pixels(64, 64, 37))
    codec = load(TINY)
    chosen = codec.encode_picture(picture, quality=5)
    finer = codec.encode_picture(picture, quality=5, effort=0).codes
    other = finer if better else Codes.blank(codec.model.config.vqvae, chosen.codes)
    monkeypatch.setattr(Encoder, "_refined", lambda *_: other)
    monkeypatch.setattr("vqzip.codec.effort.REFERENCE_PRICE", 0.0)
    refined = codec.encode_picture(picture, quality=5, effort=2)
    assert refined.codes.equals(other if better else chosen.codes)
    assert codec.decode_codes(refined.data).equals(refined.codes)


def test_a_model_brings_its_own_price_of_a_bit() -> None:
    """What a model was trained with is what its encoder chooses by, whatever the effort."""
    picture = Picture(smooth_pixels(48, 48, 39))
    model = load(TINY).model
    dear = Codec(replace(model, config=replace(model.config, bit_price=0.2)))
    assert (
        dear.encode_picture(picture).data
        == Codec(model).encode_picture(picture, bit_price=0.2).data
    )
    assert len(dear.encode_picture(picture).data) < len(Codec(model).encode_picture(picture).data)


def test_a_level_has_a_price_of_its_own() -> None:
    """Dearer bits at the finest level leave fewer of its codes and all others as they are."""
    picture = Picture(np.random.default_rng(3).integers(90, 166, (48, 48, 3), np.uint8))
    usual = load(TINY).encode_picture(picture).codes.levels
    codec = load(TINY)
    config = codec.model.autoencoder.config
    dear = replace(config.levels[-1], relative_price=5.0)
    codec.model.autoencoder.config = replace(config, levels=(*config.levels[:-1], dear))
    codes = codec.encode_picture(picture).codes.levels
    assert all(np.array_equal(a, b) for a, b in zip(codes[:-1], usual[:-1], strict=True))
    assert np.count_nonzero(codes[-1]) < np.count_nonzero(usual[-1])


def refuse(*_: object) -> float:
    raise AssertionError("files are compared by squared error")


# Codes


def test_to_codes_and_back(codec: Codec) -> None:
    image = Image.fromarray(smooth_pixels(45, 60, 39))
    codes = codec.to_codes(image, 5.0)
    data = codec.encode(image, 5.0)
    assert codec.decode_codes(data).equals(codes)
    redrawn = np.asarray(codec.from_codes(codes))
    assert largest_difference(redrawn, np.asarray(codec.decode(data))) <= 1


def test_codes_that_do_not_fit_are_refused() -> None:
    codec = load(TINY_VQ)
    codes = codec.to_codes(Image.fromarray(smooth_pixels(45, 60, 40)))
    with pytest.raises(CodingError, match="have the shapes"):
        codec.from_codes(replace(codes, width=80))
    with pytest.raises(CodingError, match="have the shapes"):
        codec.from_codes(replace(codes, levels=codes.levels[:1]))
    beyond = replace(codes, levels=tuple(level + 100 for level in codes.levels))
    with pytest.raises(CodingError, match="codebooks"):
        codec.from_codes(beyond)


def test_streams() -> None:
    assert load(TINY).model.config.vqvae.stream_of_level == (0, 0, 1, 2)
    assert load(TINY_VQ).model.config.vqvae.stream_of_level == (0, 1)


def test_files_of_other_models_are_refused() -> None:
    data = load(TINY).encode_picture(Picture(smooth_pixels(20, 20, 41))).data
    with pytest.raises(ModelError, match="`model` takes the folder of another"):
        load(TINY_VQ).decode_picture(data)
    file = parse(data, max_pixels=400)
    fewer = replace(file, header=replace(file.header, streams=2), streams=file.streams[:2])
    with pytest.raises(ModelError, match="streams"):
        load(TINY).decode_codes(build(fewer))


def test_qualities_outside_are_refused() -> None:
    for quality in (0.5, 8.5):
        with pytest.raises(ModelError, match="1 to 8"):
            load(TINY).encode_picture(Picture(smooth_pixels(8, 8, 42)), quality=quality)
