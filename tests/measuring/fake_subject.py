"""A codec in 50 lines that can be measured."""

from __future__ import annotations

import struct
import zlib
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tests.support.made_codes import made_codes
from vqzip.codes import Codes
from vqzip.measuring.subject import Coded, CodeLengths
from vqzip.pictures.picture import Picture

BITS_PER_CODE = 2.0
"""Under a prior that thinks every code is one of four."""


@dataclass(frozen=True)
class FakeSubject:
    """Means of 4 x 4 blocks, rounded to a step that halves with each setting."""

    name: str = "fake"
    settings: tuple[float, ...] = (2.0, 4.0)
    own_metric: str = "psnr"
    forgetful: bool = False
    """Whether other codes come back than those that were encoded."""

    @property
    def title(self) -> str:
        return self.name

    def describe(self) -> str:
        return "made for a test"

    def encode(self, picture: Picture, setting: float) -> Coded:
        planes = np.atleast_3d(picture.pixels).astype(np.float64)
        height, width, channels = planes.shape
        blocks = planes.reshape(height // 4, 4, width // 4, 4, channels).mean((1, 3))
        codes = np.rint(blocks / _step(setting)).astype(np.int32).transpose(2, 0, 1)[:, None]
        header = struct.pack("<HHBd", height, width, channels, setting)
        lengths = CodeLengths(made_codes((codes,)), (BITS_PER_CODE * codes.size,), setting)
        return Coded(header + zlib.compress(codes.tobytes()), setting, lengths)

    def decode(self, data: bytes) -> Picture:
        codes, setting = _parse(data)
        blocks = np.clip(np.rint(codes[:, 0] * _step(setting)), 0, 255).astype(np.uint8)
        pixels = blocks.repeat(4, 1).repeat(4, 2).transpose(1, 2, 0)
        return Picture(np.ascontiguousarray(pixels[..., 0] if len(codes) == 1 else pixels))

    def decode_codes(self, data: bytes) -> Codes:
        codes, _ = _parse(data)
        return made_codes((codes + 1 if self.forgetful else codes,))


def _step(setting: float) -> float:
    return float(64 * 2 ** (1 - setting))


def _parse(data: bytes) -> tuple[NDArray[np.int32], float]:
    height, width, channels, setting = struct.unpack_from("<HHBd", data)
    codes = np.frombuffer(zlib.decompress(data[13:]), np.int32)
    return codes.reshape(channels, 1, height // 4, width // 4), setting
