"""Every size comes back: through header, tiles, padding and cropping, and through the whole codec."""

from __future__ import annotations

import struct
import tracemalloc
import zlib
from types import SimpleNamespace
from typing import cast

import numpy as np
import pytest
from numpy.typing import NDArray

from tests.pictures.made_pictures import gradient
from tools.golden.models import TINY, TINY_VQ, smooth_pixels, wavelet_config
from vqzip.autoencoders.autoencoder import Autoencoder
from vqzip.autoencoders.quantizers.coding import Codes as CropCodes
from vqzip.autoencoders.quantizers.coding import GridCoding
from vqzip.autoencoders.transform import Floats, Part
from vqzip.cli.options import DEFAULT_MAX_PIXELS
from vqzip.codec.codec import Codec, load
from vqzip.codec.latents import LatentTransform
from vqzip.codec.tiles import TileGrid
from vqzip.codes import Codes, Frame
from vqzip.container.build import build, build_header
from vqzip.container.fields import Header, VqzFile, crc32
from vqzip.container.parse import parse
from vqzip.errors import LimitExceeded, PictureError
from vqzip.pictures.limits import MAX_PIXELS
from vqzip.pictures.picture import Picture
from vqzip.pictures.read import read_picture
from vqzip.quality import Quality

SIDES = range(1, 71)
MODEL_ID = bytes(range(8))
STRIDE = 2
"""Of the finest level of `wavelet_config`."""


class NoNetworks:
    """Stands for an autoencoder: analysis keeps the crop, synthesis repeats the codes' first channel."""

    config = wavelet_config().vqvae

    analysis_reach, synthesis_reach = 5, 3

    def __init__(self) -> None:
        self.transform = SimpleNamespace(conditional=False, analyze=self._keep)
        self.quantizers = [
            GridCoding(np.zeros((level.groups, 3), np.float32)) for level in self.config.levels
        ]
        self.crop: Floats = np.empty((3, 0, 0), np.float32)

    def decode(self, codes: list[CropCodes], quality: Quality, part: Part) -> Floats:
        pixels = codes[-1][0, 0].repeat(STRIDE, 0).repeat(STRIDE, 1).astype(np.float32)
        return np.stack([pixels[part]] * 3)

    def _keep(self, pixels: Floats, step: float) -> Floats:
        self.crop = pixels
        return pixels


@pytest.mark.parametrize("height", SIDES)
def test_all_small_sizes_without_networks(height: int) -> None:
    networks = NoNetworks()
    latents = LatentTransform(cast(Autoencoder, networks))
    align = networks.config.align
    for width in SIDES:
        header = Header(width, height, "gray" if width % 2 else "rgb", 1, 0, 8, MODEL_ID)
        file = VqzFile(header, ((b"",),))
        assert parse(build(file), max_pixels=width * height) == file
        pixels = gradient(height, width)
        grid = TileGrid(width, height, 1 << header.tile_log2)

        frame = Frame(width, height, Quality(0), gray=False)
        latents.of_tile(pixels, grid, 0, frame)
        padded = networks.crop.transpose(1, 2, 0)
        assert padded.shape[0] % align == padded.shape[1] % align == 0
        assert np.array_equal(padded[:height, :width], pixels)
        assert np.array_equal(
            padded[height:, :width], np.broadcast_to(pixels[-1:], padded[height:, :width].shape)
        )
        assert (padded[:, width:] == padded[:, width - 1 : width]).all()

        codes = Codes.blank(networks.config, frame)
        shapes = networks.config.shapes(height, width)
        assert [level.shape[2:] for level in codes.levels] == shapes
        finest = codes.maps[-1]
        finest[0] = np.arange(finest[0].size).reshape(finest[0].shape) % 256
        decoded = latents.pixels(codes, grid, grid.picture, {0: len(shapes)})
        repeated = finest[0].repeat(STRIDE, 0).repeat(STRIDE, 1)[:height, :width]
        assert np.array_equal(decoded, np.repeat(repeated[:, :, None], 3, axis=2))


def sampled_sizes() -> list[tuple[int, int]]:
    """Forty of the small sizes: ten of one row, ten of one column, twenty of any."""
    rng = np.random.default_rng(9)
    lines = [int(side) for side in rng.choice(SIDES, 10, replace=False)]
    any_size = [(int(height), int(width)) for height, width in rng.integers(2, 71, (20, 2))]
    return [*((1, side) for side in lines), *((side, 1) for side in lines[::-1]), *any_size]


@pytest.mark.parametrize("gray", [False, True], ids=["rgb", "gray"])
def test_sampled_sizes_through_the_codec(gray: bool) -> None:
    codec = load(TINY)
    sizes = sampled_sizes()
    assert len(sizes) == 40
    for height, width in sizes:
        assert_comes_back(codec, picture(height, width, gray=gray))


@pytest.mark.slow
@pytest.mark.parametrize("gray", [False, True], ids=["rgb", "gray"])
@pytest.mark.parametrize("size", [(10_000, 3), (3, 10_000)], ids=["tall", "wide"])
@pytest.mark.parametrize("model", [TINY, TINY_VQ], ids=["tiny", "tiny-vq"])
def test_long_pictures_through_the_codec(model: object, size: tuple[int, int], gray: bool) -> None:
    assert_comes_back(load(str(model)), picture(*size, gray=gray))


def picture(height: int, width: int, *, gray: bool) -> Picture:
    pixels = smooth_pixels(height, width, height * width)
    alpha: NDArray[np.uint8] = np.ascontiguousarray(pixels[..., 2])
    return Picture(np.ascontiguousarray(pixels[..., 1]) if gray else pixels, alpha)


def assert_comes_back(codec: Codec, given: Picture) -> None:
    encoded = codec.encode_picture(given, quality=8, effort=0)
    decoded = codec.decode_picture(encoded.data)
    assert decoded.pixels.shape == given.pixels.shape
    assert np.array_equal(decoded.alpha, given.alpha)  # type: ignore[arg-type]
    if codec.model.name == "tiny":
        # No offset, no transposition: it is the picture itself.
        assert np.mean((decoded.pixels - given.pixels.astype(float)) ** 2) < 60
    codes = codec.decode_codes(encoded.data)
    assert codes.equals(encoded.codes)


# Too large


def png_header(width: int, height: int) -> bytes:
    """The start of a PNG of that size, and one byte of pixels."""

    def chunk(kind: bytes, payload: bytes) -> bytes:
        return (
            struct.pack(">I", len(payload))
            + kind
            + payload
            + struct.pack(">I", zlib.crc32(kind + payload))
        )

    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", header)
        + chunk(b"IDAT", zlib.compress(b"\0"))
        + chunk(b"IEND", b"")
    )


def vqz_header(width: int, height: int) -> bytes:
    """A .vqz file of that size with one empty payload for each of its tiles."""
    header = build_header(Header(width, height, "rgb", 1, 0, 16, load(TINY).model.id[:8]))
    body = header + b"\x81\0"
    return body + crc32(body).to_bytes(4, "little")


def test_there_is_one_limit() -> None:
    assert MAX_PIXELS == DEFAULT_MAX_PIXELS == 500_000_000


def test_bombs_are_refused_before_memory_is_taken() -> None:
    codec = load(TINY)
    png, vqz = png_header(60_000, 60_000), vqz_header(60_000, 60_000)
    tracemalloc.start()
    try:
        with pytest.raises(PictureError, match=r"larger than the 500000000 pixels .*`max_pixels`"):
            read_picture(png, max_pixels=MAX_PIXELS, strict=False)
        with pytest.raises(LimitExceeded, match=r"60000 x 60000 .*500000000.*`max_pixels`"):
            codec.decode_picture(vqz)
        with pytest.raises(LimitExceeded, match="`max_pixels`"):
            codec.decode_codes(vqz)
        assert tracemalloc.get_traced_memory()[1] < 1_000_000
    finally:
        tracemalloc.stop()


def test_the_largest_allowed_is_read() -> None:
    with pytest.raises(PictureError, match="damaged"):
        # Not its size is refused, but that its pixels are missing.
        read_picture(png_header(1000, 400), max_pixels=400_000, strict=False)
    with pytest.raises(PictureError, match="`max_pixels`"):
        read_picture(png_header(1000, 400), max_pixels=399_999, strict=False)


def test_a_side_beyond_the_format_is_refused() -> None:
    with pytest.raises(LimitExceeded, match="width must be 1 to 1048576, got 1048577"):
        load(TINY).encode_picture(Picture(np.zeros((1, (1 << 20) + 1), np.uint8)))
