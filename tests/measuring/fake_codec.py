"""A codec in 60 lines that looks like `vqzip.codec.codec.Codec` to the code that measures."""

from __future__ import annotations

import struct
import zlib
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from vqzip.codes import TokenMaps
from vqzip.configs import (
    GridConfig,
    LevelConfig,
    ModelConfig,
    PriorConfig,
    PriorLevelConfig,
    QualityConfig,
    StageConfig,
    VqvaeConfig,
    WaveletTransformConfig,
)
from vqzip.pictures.picture import Picture

MAX_PIXELS = 1 << 28
BITS_PER_CODE = 2.0
"""Under a prior that thinks every code is one of four."""


def config(quality: QualityConfig | None) -> ModelConfig:
    level = PriorLevelConfig(0, 8, (StageConfig((0, 1, 2), 8),))
    return ModelConfig(
        "fake",
        VqvaeConfig((LevelConfig(4, 3, GridConfig()),), WaveletTransformConfig(), quality),
        PriorConfig((level,), "logistic"),
    )


@dataclass(frozen=True)
class FakeModel:
    name: str
    config: ModelConfig


@dataclass(frozen=True)
class FakeEncoded:
    data: bytes
    code_length_bits: tuple[float, ...]
    codes: TokenMaps
    quality: float


@dataclass(frozen=True)
class FakeCodec:
    """Means of 4 x 4 blocks, rounded to a step that halves with each quality."""

    model: FakeModel = FakeModel("fake", config(QualityConfig()))
    forgetful: bool = False

    def encode_picture(self, picture: Picture, *, quality: float, effort: int = 4) -> FakeEncoded:
        planes = np.atleast_3d(picture.pixels).astype(np.float64)
        height, width, channels = planes.shape
        blocks = planes.reshape(height // 4, 4, width // 4, 4, channels).mean((1, 3))
        codes = np.rint(blocks / _step(quality)).astype(np.int32).transpose(2, 0, 1)[:, None]
        header = struct.pack("<HHBd", height, width, channels, quality)
        data = header + zlib.compress(codes.tobytes())
        return FakeEncoded(data, (BITS_PER_CODE * codes.size,), TokenMaps((codes,)), quality)

    def decode_picture(self, data: bytes, *, max_pixels: int = MAX_PIXELS) -> Picture:
        codes, quality = _parse(data)
        blocks = np.clip(np.rint(codes[:, 0] * _step(quality)), 0, 255).astype(np.uint8)
        pixels = blocks.repeat(4, 1).repeat(4, 2).transpose(1, 2, 0)
        return Picture(np.ascontiguousarray(pixels[..., 0] if len(codes) == 1 else pixels))

    def decode_codes(self, data: bytes, *, max_pixels: int = MAX_PIXELS) -> TokenMaps:
        codes, _ = _parse(data)
        return TokenMaps((codes + 1 if self.forgetful else codes,))


def _step(quality: float) -> float:
    return float(64 * 2 ** (1 - quality))


def _parse(data: bytes) -> tuple[NDArray[np.int32], float]:
    height, width, channels, quality = struct.unpack_from("<HHBd", data)
    codes = np.frombuffer(zlib.decompress(data[13:]), np.int32)
    return codes.reshape(channels, 1, height // 4, width // 4), quality
