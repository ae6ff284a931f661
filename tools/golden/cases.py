"""The golden files that are made of pictures, codes and sections: one case a feature of the format."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from unittest.mock import patch

import numpy as np
from numpy.typing import NDArray

from tools.golden.models import smooth_pixels
from vqzip.codec import tiles
from vqzip.codec.codec import Codec
from vqzip.codes import CodeMap, Codes, Frame
from vqzip.container.build import build
from vqzip.container.fields import Header, Section, VqzFile
from vqzip.container.parse import parse
from vqzip.models.config import ModelConfig
from vqzip.pictures.picture import Metadata, Picture
from vqzip.prior.backend import KnownCodes
from vqzip.prior.walk import PriorWalk
from vqzip.quality import Quality

Golden = tuple[bytes, Codes]
"""A file, and the codes in it."""

ICC = bytes(16) + b"RGB " + bytes(16) + b"acsp" + bytes(100)
GRAY_ICC = ICC.replace(b"RGB ", b"GRAY")
EXIF, XMP = b"II*\0\x08\0\0\0\0\0\0\0\0\0", b"<x:xmpmeta/>"
LARGEST_CODE = 1 << 20


def gray_pixels(height: int, width: int, seed: int) -> NDArray[np.uint8]:
    """Return `(H, W)`."""
    return smooth_pixels(height, width, seed)[:, :, 0].copy()


def rough_alpha(height: int, width: int) -> NDArray[np.uint8]:
    """Return `(H, W)`: steps, and a few values in between."""
    rows, columns = np.mgrid[0:height, 0:width]
    alpha: NDArray[np.uint8] = np.minimum(rows * columns * 3, 255).astype(np.uint8)
    return alpha


@dataclass(frozen=True)
class Drawn:
    """A picture, encoded.

    Args:
        picture: what is encoded.
        quality: 1.0 to 8.0.
        effort: 0 to 9.
        tile_log2: of the side of the stream tiles.
    """

    picture: Picture
    quality: float = 4.0
    effort: int = 0
    tile_log2: int = 10

    def make(self, codec: Codec) -> Golden:
        with patch.object(tiles, "STREAM_TILE_LOG2", self.tile_log2):
            encoded = codec.encode_picture(
                self.picture, quality=self.quality, effort=self.effort, verify=True
            )
        return encoded.data, encoded.codes


@dataclass(frozen=True)
class Resectioned:
    """A case whose file gets other sections.

    Args:
        case: gives the file.
        change: from its sections to those of the golden file.
    """

    case: Drawn
    change: Callable[[tuple[Section, ...]], tuple[Section, ...]]

    def make(self, codec: Codec) -> Golden:
        data, codes = self.case.make(codec)
        file = parse(data, max_pixels=1 << 20)
        return build(replace(file, sections=self.change(file.sections))), codes


@dataclass(frozen=True)
class Written:
    """Codes that no picture has: one stream tile, every code drawn by `draw`.

    Args:
        height: in pixels, up to 1024.
        width: in pixels, up to 1024.
        draw: from a generator, a shape and the size of a codebook (0 for grids) to codes.
        gray: whether the picture is gray.
        quality_step: 0 to 56.
    """

    height: int
    width: int
    draw: Callable[[np.random.Generator, tuple[int, ...], int], NDArray[np.integer]]
    gray: bool = False
    quality_step: int = 0

    def make(self, codec: Codec) -> Golden:
        model, hierarchy = codec.model, codec.model.config.vqvae
        frame = Frame(self.width, self.height, Quality(self.quality_step), self.gray)
        codes = Codes.blank(hierarchy, frame)
        self._fill(codes.maps, model.config)
        writers = [codec.backend.writer() for _ in range(hierarchy.streams)]
        walk = PriorWalk(codec.backend, frame.quality, gray=self.gray)
        for level, stream in zip(codes.maps, hierarchy.stream_of_level, strict=True):
            walk.code(KnownCodes(level, writers[stream]))
        header = Header(
            width=self.width,
            height=self.height,
            mode="gray" if self.gray else "rgb",
            streams=len(writers),
            quality_step=self.quality_step,
            tile_log2=10,
            model_id=model.id[:8],
        )
        file = VqzFile(header, tuple((writer.finish(),) for writer in writers))
        return build(file), codes

    def _fill(self, maps: Sequence[CodeMap], config: ModelConfig) -> None:
        rng = np.random.default_rng(11)
        prior = config.prior
        for level, codes in enumerate(maps):
            size = getattr(config.vqvae.levels[level].quantizer, "size", 0)
            drawn = self.draw(rng, codes.shape, size)
            stages = prior.levels[level].stages
            coded = stages[: prior.gray_stages] if self.gray and prior.gray_stages else stages
            for stage in coded:
                codes[list(stage.channels)] = drawn[list(stage.channels)]


Case = Drawn | Resectioned | Written


def heavy_tailed(
    rng: np.random.Generator, shape: tuple[int, ...], _size: int
) -> NDArray[np.integer]:
    """Return codes of any magnitude the format has: all lengths of escapes."""
    magnitude = np.exp2(rng.uniform(-4, 20, shape)).astype(np.int64)
    codes: NDArray[np.int64] = magnitude * rng.choice([-1, 1], shape)
    return codes


def largest(rng: np.random.Generator, shape: tuple[int, ...], _size: int) -> NDArray[np.integer]:
    """Return the largest codes the format has."""
    return LARGEST_CODE * rng.choice([-1, 1], shape)


def moderate(rng: np.random.Generator, shape: tuple[int, ...], _size: int) -> NDArray[np.integer]:
    """Return codes at and around the ends of the windows of symbols."""
    return rng.integers(-40, 41, shape)


def any_codeword(
    rng: np.random.Generator, shape: tuple[int, ...], size: int
) -> NDArray[np.integer]:
    """Return codewords as likely as each other."""
    return rng.integers(0, size, shape)


def zeros(_rng: np.random.Generator, shape: tuple[int, ...], _size: int) -> NDArray[np.integer]:
    """Return codes 0; where these are symbols 0, a payload of them has no words."""
    return np.zeros(shape, np.int64)


def reversed_sections(sections: tuple[Section, ...]) -> tuple[Section, ...]:
    return sections[::-1]


def with_unknown_sections(sections: tuple[Section, ...]) -> tuple[Section, ...]:
    """Return sections among which are two of a kind that nobody knows, one of them empty."""
    return (Section(0x42, b"later"), *sections, Section(0x7F, b""), Section(0x42, b"and again"))


def sizes(*pairs: tuple[int, int]) -> Iterator[tuple[str, Case]]:
    """Yield a small picture of each height and width."""
    for height, width in pairs:
        yield f"size-{width}x{height}", Drawn(Picture(smooth_pixels(height, width, width)))


def section_cases(quality: float) -> Iterator[tuple[str, Case]]:
    """Yield pictures with every section, alone and together."""
    rgb, gray, alpha = smooth_pixels(11, 13, 31), gray_pixels(11, 13, 32), rough_alpha(11, 13)
    everything = Drawn(Picture(rgb, alpha, Metadata(ICC, EXIF, XMP)), quality)
    yield "gray-alpha", Drawn(Picture(gray, alpha), quality)
    yield "icc", Drawn(Picture(rgb, None, Metadata(icc=ICC)), quality)
    yield "exif", Drawn(Picture(rgb, None, Metadata(exif=EXIF)), quality)
    yield "xmp", Drawn(Picture(rgb, None, Metadata(xmp=XMP)), quality)
    yield "all-sections", everything
    yield "all-sections-gray", Drawn(Picture(gray, alpha, Metadata(GRAY_ICC, EXIF, XMP)), quality)
    yield "unknown-sections", Resectioned(everything, with_unknown_sections)
    yield "sections-reversed", Resectioned(everything, reversed_sections)
    large = Metadata(ICC + bytes(5000), EXIF + bytes(5000), XMP + b" " * 5000)
    yield "packed-sections", Drawn(Picture(rgb, None, large), quality)


def tile_cases() -> Iterator[tuple[str, Case]]:
    """Yield stream tiles of several sides, and context tiles beside and below each other."""
    yield "tiles-256-row", Drawn(Picture(smooth_pixels(5, 520, 41)), 2.0, tile_log2=8)
    yield "tiles-256-column", Drawn(Picture(smooth_pixels(520, 5, 42)), 2.0, tile_log2=8)
    yield "tiles-256-square", Drawn(Picture(gray_pixels(257, 258, 43)), 1.0, tile_log2=8)
    yield "tiles-512", Drawn(Picture(smooth_pixels(513, 4, 44)), 2.0, tile_log2=9)
    yield "tiles-65536", Drawn(Picture(smooth_pixels(9, 14, 45)), tile_log2=16)
    yield "context-column", Drawn(Picture(smooth_pixels(530, 6, 46)), 2.0, 4)
    yield "context-square", Drawn(Picture(gray_pixels(258, 259, 47)), 1.0, 4)


def quality_cases() -> Iterator[tuple[str, Case]]:
    """Yield every whole quality and some between, RGB and gray."""
    for quality in (*range(1, 9), 1.125, 2.25, 3.375, 4.5, 5.625, 6.75, 7.875):
        picture = Picture(smooth_pixels(14, 22, round(8 * quality)))
        yield f"quality-{quality:g}", Drawn(picture, quality)
    for quality in (1, 3.5, 8):
        yield f"gray-quality-{quality:g}", Drawn(Picture(gray_pixels(22, 14, 51)), quality)


def first_cases() -> dict[str, Drawn]:
    """Return the cases of the first two models whose decoded pictures are kept, too."""
    rng = np.random.default_rng(5)
    gray = gray_pixels(45, 70, 7)
    alpha = (rng.random((40, 50)) > 0.5).astype(np.uint8) * 255
    metadata = Metadata(ICC, EXIF, XMP)
    return {
        "rgb": Drawn(Picture(smooth_pixels(61, 83, 6)), 4.0, 4),
        "gray": Drawn(Picture(gray), 5.5),
        "alpha": Drawn(Picture(smooth_pixels(40, 50, 8), alpha, metadata), 3.0, 4),
        "two-tiles": Drawn(Picture(smooth_pixels(9, 1037, 9)), 4.0, 4),
        "one-pixel": Drawn(Picture(np.array([[[200, 30, 90]]], np.uint8)), 8.0),
    }


def grid_cases() -> dict[str, Case]:
    """Return the cases of a model with a logistic head."""
    return {
        **first_cases(),
        **dict(quality_cases()),
        **dict(section_cases(3.0)),
        **dict(tile_cases()),
        **dict(sizes((1, 70), (70, 1), (3, 2), (9, 7), (8, 8), (17, 33), (3, 257), (2, 255))),
        "codes-heavy-tailed": Written(23, 31, heavy_tailed, quality_step=20),
        "codes-heavy-tailed-gray": Written(31, 23, heavy_tailed, gray=True, quality_step=56),
        "codes-largest": Written(9, 7, largest),
        "codes-moderate": Written(12, 20, moderate, quality_step=3),
        "codes-zero": Written(20, 12, zeros, quality_step=40),
    }


def codebook_cases() -> dict[str, Case]:
    """Return the cases of a model with a categorical head."""
    return {
        **first_cases(),
        **dict(section_cases(1.0)),
        **dict(tile_cases()),
        **dict(sizes((1, 70), (70, 1), (3, 2), (9, 7), (8, 8), (17, 33))),
        "codes-any": Written(60, 90, any_codeword),
        "codes-any-gray": Written(33, 47, any_codeword, gray=True),
        "codes-zero": Written(40, 24, zeros),
    }


def gains_cases() -> dict[str, Case]:
    """Return the cases of a model with networks around the wavelet and learned steps."""
    return {
        "rgb": Drawn(Picture(smooth_pixels(29, 43, 61)), 5.0, 4),
        "gray": Drawn(Picture(gray_pixels(43, 29, 62)), 4.0, 4),
        "alpha": Drawn(Picture(smooth_pixels(16, 20, 63), rough_alpha(16, 20)), 6.5),
        "one-pixel": Drawn(Picture(np.array([[[10, 200, 130]]], np.uint8)), 8.0),
        "tiles-256-row": Drawn(Picture(smooth_pixels(6, 300, 64)), 2.0, tile_log2=8),
        "quality-1": Drawn(Picture(smooth_pixels(20, 30, 65)), 1.0),
        "codes-heavy-tailed": Written(14, 18, heavy_tailed, quality_step=33),
    }
