"""The codec without loss: round trips, regions, previews, truncated and damaged files."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tools.golden.make_pixels import FOLDER
from vqzip.codec.codec import load as load_codec
from vqzip.codec.lossless.codec import LosslessCodec
from vqzip.codec.lossless.samples import between
from vqzip.container.build import build
from vqzip.container.parse import parse
from vqzip.errors import (
    InvalidFile,
    LimitExceeded,
    ModelError,
    PictureError,
    UsageError,
    VqzipError,
)
from vqzip.families.known import load_model, load_model_for
from vqzip.models.abilities import compressing, scoring
from vqzip.pictures.picture import Metadata, Picture


@pytest.fixture(scope="module")
def codec() -> LosslessCodec:
    model = load_model(FOLDER)
    assert isinstance(model, LosslessCodec)
    return model


def picture_of(height: int, width: int, channels: int = 3, seed: int = 0) -> Picture:
    rows, columns = np.mgrid[:height, :width]
    noise = np.random.default_rng(seed).normal(0, 4, (height, width, channels))
    shades = 128 + 90 * np.sin(rows / 20) * np.cos(columns / 31)
    pixels = np.clip(shades[:, :, None] + noise, 0, 255).astype(np.uint8)
    return Picture(pixels[:, :, 0] if channels == 1 else pixels)


@pytest.mark.parametrize(("height", "width"), [(1, 1), (5, 300), (257, 16), (33, 47)])
@pytest.mark.parametrize("channels", [1, 3])
def test_pictures_come_back(codec: LosslessCodec, height: int, width: int, channels: int) -> None:
    picture = picture_of(height, width, channels)
    encoded = codec.encode_picture(picture)
    assert np.array_equal(codec.decode_picture(encoded.data).pixels, picture.pixels)


def test_alpha_hidden_colors_and_metadata_come_back(codec: LosslessCodec) -> None:
    pixels = picture_of(20, 24).pixels
    alpha = np.zeros((20, 24), np.uint8)
    alpha[3:9] = 77
    picture = Picture(pixels, alpha, Metadata(exif=b"II*\0\x08\0\0\0\0\0\0\0\0\0", xmp=b"<x/>"))
    encoded = codec.encode_picture(picture, keep_hidden_colors=False)
    decoded = codec.decode_picture(encoded.data)
    assert np.array_equal(decoded.pixels, pixels)
    assert decoded.alpha is not None
    assert np.array_equal(decoded.alpha, alpha)
    assert decoded.metadata == picture.metadata
    assert codec.holds(encoded.data, encoded)
    other = codec.encode_picture(Picture(pixels, alpha))
    assert not codec.holds(other.data, encoded)


def test_images_of_pillow_come_back(codec: LosslessCodec) -> None:
    image = Image.fromarray(picture_of(18, 22).pixels)
    assert np.array_equal(np.asarray(codec.decode(codec.encode(image))), np.asarray(image))
    with pytest.raises(UsageError):
        codec.decode("file.vqz")  # type: ignore[arg-type]


def test_a_region_is_a_part_of_the_picture(codec: LosslessCodec) -> None:
    picture = picture_of(70, 300)
    data = codec.encode_picture(picture).data
    region = codec.decode_picture(data, region=(250, 10, 20, 30))
    assert np.array_equal(region.pixels, picture.pixels[10:40, 250:270])
    with pytest.raises(PictureError):
        codec.decode_picture(data, region=(290, 0, 20, 20))


def test_a_preview_passes_through_the_coarse_samples(codec: LosslessCodec) -> None:
    picture = picture_of(65, 280)
    data = codec.encode_picture(picture).data
    preview = codec.decode_picture(data, levels=1).pixels
    assert preview.shape == picture.pixels.shape
    assert np.array_equal(preview[::16, ::16], picture.pixels[::16, ::16])
    part = codec.decode_picture(data, levels=1, region=(20, 30, 15, 9)).pixels
    assert np.array_equal(part, preview[30:39, 20:35])
    with pytest.raises(UsageError):
        codec.decode_picture(data, levels=3)


def test_a_preview_has_lines_between_its_samples() -> None:
    coarse = np.array([[[0, 160], [0, 160]]], np.uint16)
    assert between(coarse, 17, 18)[0, 3].tolist() == [*range(0, 170, 10), 160]


def test_what_is_left_of_a_truncated_file_is_exact(codec: LosslessCodec) -> None:
    picture = picture_of(40, 700)
    data = codec.encode_picture(picture).data
    cut = data[: len(data) * 3 // 4]
    with pytest.raises(InvalidFile, match="level 1"):
        codec.decode_picture(cut)
    decoded = codec.decode_picture(cut, partial=True).pixels
    assert np.array_equal(decoded[:, :256], picture.pixels[:, :256])
    assert not np.array_equal(decoded, picture.pixels)
    left = codec.completeness(cut)
    assert (left.levels, left.parts, left.whole) == (1, 5, False)
    with pytest.raises(InvalidFile):
        codec.decode_picture(data[:40], partial=True)


def test_every_changed_byte_is_noticed(codec: LosslessCodec) -> None:
    data = codec.encode_picture(picture_of(9, 17)).data
    for position in range(len(data)):
        damaged = bytearray(data)
        damaged[position] ^= 0x24
        with pytest.raises(VqzipError):
            codec.decode_picture(bytes(damaged))


def test_hostile_payloads_are_refused_or_give_a_picture(codec: LosslessCodec) -> None:
    generator = np.random.default_rng(8)
    file = parse(codec.encode_picture(picture_of(14, 19)).data, max_pixels=1 << 20)
    for _ in range(40):
        payloads = tuple(
            (generator.integers(0, 256, 4 * generator.integers(0, 60)).astype(np.uint8).tobytes(),)
            for _ in range(2)
        )
        try:
            decoded = codec.decode_picture(build(type(file)(file.header, payloads)))
        except InvalidFile:
            continue
        assert decoded.pixels.shape == (14, 19, 3)


def test_files_with_other_tiles_or_models_are_refused(
    codec: LosslessCodec, tiny_model: Path
) -> None:
    picture = picture_of(20, 20)
    file = parse(codec.encode_picture(picture).data, max_pixels=1 << 20)
    header = dict(vars(file.header))
    large = build(type(file)(type(file.header)(**{**header, "tile_log2": 10}), file.streams))
    with pytest.raises(LimitExceeded):
        codec.decode_picture(large)
    other = build(type(file)(type(file.header)(**{**header, "model_id": bytes(8)}), file.streams))
    with pytest.raises(ModelError):
        codec.decode_picture(other)
    with pytest.raises(ModelError):
        codec.decode_picture(load_codec(tiny_model).encode_picture(picture).data)


def test_it_has_the_abilities_of_a_codec(
    codec: LosslessCodec, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("VQZIP_MODELS", str(FOLDER.parent))
    data = codec.encode_picture(picture_of(8, 8)).data
    assert compressing(load_model_for(data)).name == "tiny-pixels"
    pixels = np.stack([picture_of(12, 12, seed=seed).pixels for seed in range(2)])
    score = scoring(codec).score(pixels)
    assert score.kind == "file"
    assert score.bits.tolist()[0] == 8 * len(codec.encode_picture(Picture(pixels[0])).data)
