"""Pictures at a fraction of their size: right, cheap, and the same from bytes as from a file on disk."""

from __future__ import annotations

import io
import random
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from tests.conftest import GOLDEN
from tools.golden.models import smooth_pixels
from vqzip.codec.codec import Codec, load
from vqzip.container.front import read_front
from vqzip.container.parse import parse_layout
from vqzip.errors import (
    ChecksumMismatch,
    InvalidFile,
    LimitExceeded,
    ModelError,
    NotVqz,
    Truncated,
    UsageError,
    VqzipError,
)
from vqzip.pictures.picture import Metadata, Picture
from vqzip.pictures.read import read_picture

ALL = (1, 2, 4, 8, 16, 32)


@pytest.fixture(scope="module")
def photo() -> Codec:
    return load("photo")


@pytest.fixture(scope="module")
def tiny() -> Codec:
    return load(str(GOLDEN / "tiny"))


def box_means(pixels: NDArray[np.uint8], reduction: int) -> NDArray[np.uint8]:
    return np.asarray(Image.fromarray(pixels).reduce(reduction))


def rms(first: NDArray[np.uint8], second: NDArray[np.uint8]) -> float:
    return float(np.sqrt(np.mean((first.astype(float) - second) ** 2)))


@pytest.mark.parametrize("reduction", ALL)
def test_a_reduced_picture_looks_like_the_picture(
    photo: Codec, photograph: Path, reduction: int
) -> None:
    picture = read_picture(photograph, max_pixels=10**6, strict=False)
    data = photo.encode_picture(picture, quality=6).data
    reduced = photo.decode_reduced(data, reduction)
    wanted = box_means(picture.pixels, reduction)
    assert reduced.pixels.shape == wanted.shape
    # A low band is sharper than a mean, and lies up to half a pixel beside it.
    assert rms(reduced.pixels, wanted) < 0.5 * rms(
        np.full_like(wanted, round(float(wanted.mean()))), wanted
    )
    assert abs(float(reduced.pixels.mean()) - float(wanted.mean())) < 2


@pytest.mark.parametrize("model", ["tiny", "tiny-gains", "tiny-vq"])
@pytest.mark.parametrize("size", [(1, 1), (37, 70), (1030, 40)])
@pytest.mark.parametrize("gray", [False, True])
def test_a_file_on_disk_gives_what_its_bytes_give(
    model: str, size: tuple[int, int], gray: bool
) -> None:
    codec = load(str(GOLDEN / model))
    pixels = smooth_pixels(*size, 3)
    picture = Picture(pixels[..., 0] if gray else pixels)
    data = codec.encode_picture(picture).data
    for reduction in ALL:
        from_bytes = codec.decode_reduced(data, reduction)
        from_file = codec.decode_reduced(io.BytesIO(data), reduction)
        assert np.array_equal(from_bytes.pixels, from_file.pixels)
        assert from_bytes.pixels.shape[:2] == tuple(-(-side // reduction) for side in size)
        assert from_bytes.is_gray == gray


def test_alpha_and_metadata_stay(tiny: Codec) -> None:
    alpha = np.zeros((41, 60), np.uint8)
    alpha[:16] = 200
    metadata = Metadata(exif=b"MM\0*\0\0\0\x08\0\0\0\0\0\0", xmp=b"<x/>" * 2000)
    data = tiny.encode_picture(Picture(smooth_pixels(41, 60, 3), alpha, metadata)).data
    for source in (data, io.BytesIO(data)):
        reduced = tiny.decode_reduced(source, 8)
        assert reduced.metadata == metadata
        assert reduced.alpha is not None
        assert reduced.alpha.tolist() == [[200] * 8] * 2 + [[0] * 8] * 4


def test_only_a_part_of_a_file_is_read(photo: Codec, photograph: Path) -> None:
    picture = read_picture(photograph, max_pixels=10**6, strict=False)
    large = Picture(np.tile(picture.pixels, (4, 4, 1)))
    data = photo.encode_picture(large, quality=7, effort=0).data

    class Counted(io.BytesIO):
        count = 0

        def read(self, size: int | None = -1) -> bytes:
            data = super().read(size)
            self.count += len(data)
            return data

    counts = []
    for reduction in (32, 16, 8, 4, 2):
        file = Counted(data)
        photo.decode_reduced(file, reduction)
        counts.append(file.count / len(data))
    assert counts == sorted(counts)
    assert counts[0] < 0.08
    assert counts[2] < 0.25
    assert counts[-1] < 0.9


def test_the_places_of_payloads_are_those_of_the_layout(tiny: Codec) -> None:
    data = tiny.encode_picture(Picture(smooth_pixels(1100, 40, 3))).data
    front, layout = read_front(io.BytesIO(data)), parse_layout(data)
    header = layout.header
    assert front.header == header
    for stream in range(header.streams):
        sizes = [len(front.payload(stream, tile)) for tile in range(header.tiles)]
        assert sum(sizes) == layout.stream_bytes[stream]


def test_too_large_pictures_are_refused_before_work(tiny: Codec) -> None:
    data = tiny.encode_picture(Picture(smooth_pixels(30, 40, 3))).data
    for source in (data, io.BytesIO(data)):
        with pytest.raises(LimitExceeded, match="30"):
            tiny.decode_reduced(source, 8, max_pixels=1199)


@pytest.mark.parametrize("reduction", [0, 3, 64, -2, 2.5, "8"])
def test_other_reductions_are_refused(tiny: Codec, reduction: int) -> None:
    with pytest.raises(UsageError, match="reduction must be 1, 2, 4"):
        tiny.decode_reduced(b"", reduction)


def test_foreign_files_are_refused(tiny: Codec, photo: Codec) -> None:
    for source in (b"no picture at all", io.BytesIO(b"no picture at all"), io.BytesIO(b"")):
        with pytest.raises(NotVqz):
            tiny.decode_reduced(source, 8)
    data = tiny.encode_picture(Picture(smooth_pixels(30, 40, 3))).data
    for source in (data, io.BytesIO(data)):
        with pytest.raises(ModelError, match="was made with the model"):
            photo.decode_reduced(source, 8)


def test_a_truncated_file(tiny: Codec) -> None:
    data = tiny.encode_picture(Picture(smooth_pixels(200, 300, 3)), quality=8).data
    cut = data[: len(data) // 2]
    with pytest.raises(InvalidFile, match="levels 1 to"):
        tiny.decode_reduced(cut, 8)
    assert tiny.decode_reduced(cut, 8, partial=True).width == 38
    with pytest.raises(VqzipError):
        tiny.decode_reduced(io.BytesIO(data[:40]), 8)
    with pytest.raises(Truncated, match="first level"):
        tiny.decode_reduced(data[:40], 8, partial=True)


def test_a_damaged_payload_that_is_read_whole_is_found(tiny: Codec) -> None:
    data = bytearray(tiny.encode_picture(Picture(smooth_pixels(100, 150, 3)), quality=8).data)
    front = read_front(io.BytesIO(bytes(data)))
    assert front.header.streams > 1
    place = bytes(data).index(front.payload(0, 0)) + 4
    data[place] ^= 1
    with pytest.raises(ChecksumMismatch):
        tiny.decode_reduced(io.BytesIO(bytes(data)), 2)


def test_damage_gives_a_picture_or_an_error_of_ours(tiny: Codec) -> None:
    data = tiny.encode_picture(Picture(smooth_pixels(60, 90, 3)), quality=8).data
    chance = random.Random(5)  # noqa: S311
    refused = 0
    for _ in range(300):
        changed = bytearray(data[: chance.choice([len(data), chance.randrange(len(data))])])
        if changed:
            changed[chance.randrange(len(changed))] ^= 1 << chance.randrange(8)
        try:
            tiny.decode_reduced(io.BytesIO(bytes(changed)), chance.choice(ALL[1:]))
        except VqzipError:
            refused += 1
    assert 0 < refused < 300
