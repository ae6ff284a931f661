"""Color spaces given by numbers: which are sRGB, and ICC profiles for the others.

PNG (cICP, gAMA, cHRM), AVIF, HEIC (nclx), BMP and EXIF can name primaries and a transfer curve instead of a
profile. A .vqz file can only store a profile, so one is made.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

SRGB_PRIMARIES = (0.64, 0.33, 0.3, 0.6, 0.15, 0.06)
D65, D50 = (0.3127, 0.329), (0.34567, 0.3585)
_P3_PRIMARIES = (0.68, 0.32, 0.265, 0.69, 0.15, 0.06)

_H273_PRIMARIES = {
    # ITU-T H.273, table 2. 1, 2, 5 and 6 (BT.709, unspecified, BT.601) are taken for sRGB's.
    4: ((0.67, 0.33, 0.21, 0.71, 0.14, 0.08), (0.31, 0.316)),
    8: ((0.681, 0.319, 0.243, 0.692, 0.145, 0.049), (0.31, 0.316)),
    9: ((0.708, 0.292, 0.17, 0.797, 0.131, 0.046), D65),
    11: (_P3_PRIMARIES, (0.314, 0.351)),
    12: (_P3_PRIMARIES, D65),
}
_H273_SRGB_PRIMARIES = (1, 2, 5, 6)
_H273_SRGB_TRANSFERS = (1, 2, 6, 13, 14, 15)
"""sRGB, unspecified, and the curves of BT.601, BT.709 and BT.2020, which viewers take for sRGB's."""
_H273_GAMMAS = {4: 2.2, 5: 2.8, 8: 1.0}

ADOBE_RGB_GAMMA = 563 / 256
TOLERANCE = 0.005
"""Numbers that differ by less mean the same color space: files round them."""

_BRADFORD = np.array(
    [[0.8951, 0.2664, -0.1614], [-0.7502, 1.7135, 0.0367], [0.0389, -0.0685, 1.0296]]
)


@dataclass(frozen=True)
class ColorNumbers:
    """A color space of three primaries, a white point and one curve.

    Args:
        primaries: x and y of red, green and blue.
        white: x and y.
        gamma: exponent from stored samples to light; None stands for the curve of sRGB.
        known: False where the numbers name a space that no such profile can stand for.
    """

    primaries: tuple[float, ...] = SRGB_PRIMARIES
    white: tuple[float, ...] = D65
    gamma: float | None = None
    known: bool = True

    def is_srgb(self, *, gray: bool) -> bool:
        """Return whether these numbers mean what sRGB means; primaries do not matter for gray."""
        if not self.known:
            return False
        if self.gamma is not None and abs(1 / self.gamma - 1 / 2.2) > TOLERANCE:
            return False
        return gray or _near((*self.primaries, *self.white), (*SRGB_PRIMARIES, *D65))

    def profile(self, *, gray: bool) -> bytes | None:
        """Return an ICC profile, None where none can stand for the numbers."""
        matrix = None if gray else self._matrix()
        if not self.known or (matrix is None and not gray):
            return None
        if self.gamma is not None and not 0.1 < self.gamma < 10:
            return None
        curve = _curve(self.gamma)
        white = _xyz(self.white)
        if white is None:
            return None
        description = b"gray given by numbers" if gray else b"RGB given by numbers"
        tags = [
            (b"desc", _text(description)),
            (b"cprt", _text(b"CC0")),
            (b"wtpt", _point(_D50_XYZ)),
        ]
        if matrix is None:
            tags.append((b"kTRC", curve))
            return _icc(b"GRAY", tags)
        tags.append((b"chad", _fixed_array(b"sf32", _adaptation(white).ravel())))
        for name, column in zip((b"r", b"g", b"b"), matrix.T, strict=True):
            tags += [(name + b"XYZ", _point(column)), (name + b"TRC", curve)]
        return _icc(b"RGB ", tags)

    def _matrix(self) -> NDArray[np.float64] | None:
        """Return the XYZ of the three primaries as columns, adapted to D50."""
        points = [_xyz(self.primaries[at : at + 2]) for at in (0, 2, 4)]
        white = _xyz(self.white)
        found = [point for point in points if point is not None]
        if len(found) < 3 or white is None:
            return None
        columns = np.stack(found, axis=1)
        if abs(np.linalg.det(columns)) < 1e-6:
            return None
        adapted = _adaptation(white) @ (columns * np.linalg.solve(columns, white))
        return np.asarray(adapted, np.float64)


ADOBE_RGB = ColorNumbers((0.64, 0.33, 0.21, 0.71, 0.15, 0.06), D65, ADOBE_RGB_GAMMA)


def from_h273(primaries: int, transfer: int, *, full_range: bool = True) -> ColorNumbers:
    """Return the color space of code points of ITU-T H.273 (CICP).

    Args:
        primaries: ColourPrimaries.
        transfer: TransferCharacteristics.
        full_range: whether samples reach from 0 to the largest.
    """
    known = full_range
    points = (SRGB_PRIMARIES, D65)
    if primaries not in _H273_SRGB_PRIMARIES:
        known = known and primaries in _H273_PRIMARIES
        points = _H273_PRIMARIES.get(primaries, points)
    gamma = _H273_GAMMAS.get(transfer)
    known = known and (gamma is not None or transfer in _H273_SRGB_TRANSFERS)
    return ColorNumbers(*points, gamma, known)


def _near(first: tuple[float, ...], second: tuple[float, ...]) -> bool:
    return all(abs(a - b) <= TOLERANCE for a, b in zip(first, second, strict=True))


def _xyz(point: tuple[float, ...]) -> NDArray[np.float64] | None:
    """Return X, Y, Z of a chromaticity with Y = 1."""
    x, y = point
    return np.array([x / y, 1.0, (1 - x - y) / y]) if y > 1e-4 else None


_D50_XYZ = np.array([0.9642, 1.0, 0.8249])


def _adaptation(white: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the matrix from a white point to D50 (Bradford)."""
    scale = (_BRADFORD @ _D50_XYZ) / (_BRADFORD @ white)
    return np.asarray(np.linalg.inv(_BRADFORD) @ np.diag(scale) @ _BRADFORD, np.float64)


def _icc(space: bytes, tags: list[tuple[bytes, bytes]]) -> bytes:
    """Return a display profile (ICC.1:2010, version 4)."""
    start = 128 + 4 + 12 * len(tags)
    table, data, places = [], b"", {}
    for name, body in tags:
        if body not in places:
            places[body] = start + len(data)
            data += body + bytes(-len(body) % 4)
        table.append(name + struct.pack(">II", places[body], len(body)))
    header = struct.pack(
        ">I4sI4s4s4s", start + len(data), bytes(4), 0x04200000, b"mntr", space, b"XYZ "
    )
    header += struct.pack(">6H4s", 2026, 1, 1, 0, 0, 0, b"acsp")
    header = header.ljust(68, b"\0") + _s15(_D50_XYZ)
    return header.ljust(128, b"\0") + struct.pack(">I", len(tags)) + b"".join(table) + data


def _curve(gamma: float | None) -> bytes:
    if gamma is not None:
        return b"para" + bytes(8) + _s15(np.array([gamma]))
    # IEC 61966-2-1: ((x + 0.055) / 1.055) ** 2.4 from 0.04045 on, x / 12.92 below.
    numbers = np.array([2.4, 1 / 1.055, 0.055 / 1.055, 1 / 12.92, 0.04045])
    return b"para" + bytes(4) + struct.pack(">HH", 3, 0) + _s15(numbers)


def _point(xyz: NDArray[np.float64]) -> bytes:
    return _fixed_array(b"XYZ ", xyz)


def _fixed_array(kind: bytes, numbers: NDArray[np.float64]) -> bytes:
    return kind + bytes(4) + _s15(numbers)


def _s15(numbers: NDArray[np.float64]) -> bytes:
    return np.rint(numbers * 65536).astype(">i4").tobytes()


def _text(text: bytes) -> bytes:
    wide = text.decode("ascii").encode("utf-16-be")
    return b"mluc" + bytes(4) + struct.pack(">II2s2sII", 1, 12, b"en", b"US", len(wide), 28) + wide
