"""Lossless formats of Pillow, for comparisons with likelihoods: the size of a file of each picture."""

from __future__ import annotations

import io
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

import numpy as np
from PIL import Image, features

from vqzip.errors import UsageError
from vqzip.measuring.anchors.jxl import JXL
from vqzip.models.abilities import Pixels, Score

OPTIONS: Mapping[str, tuple[str, Mapping[str, Any]]] = MappingProxyType(
    {
        "png": ("PNG", {"optimize": True}),
        "webp": ("WEBP", {"lossless": True, "quality": 100, "method": 6}),
        "jxl": ("JXL", {"lossless": True, "effort": 9, "num_threads": 1}),
    }
)
"""Format and options of each name, which ask for the smallest files."""


class LosslessAnchor:
    """A lossless format; it scores pictures by the size of their files.

    Args:
        name: one of `OPTIONS`.

    Raises:
        UsageError: the name is not known, or a package is missing.
    """

    def __init__(self, name: str) -> None:
        if name not in OPTIONS:
            raise UsageError(f"lossless formats are {', '.join(OPTIONS)}, got '{name}'.")
        if name == "jxl":
            JXL.library.prepare()
        if name == "webp" and not features.check("webp"):
            raise UsageError("this Pillow has no WebP; install one that has it.")
        self.name = name
        self._format, self._options = OPTIONS[name]

    def score(self, pixels: Pixels, *, labels: object = None, seed: int = 0) -> Score:
        """Return the bits of the file of every picture `(N, H, W, C)`."""
        del labels, seed
        sizes = [8 * len(self.file(one)) for one in pixels]
        return Score(np.array(sizes, np.float64), "file")

    def file(self, pixels: Pixels) -> bytes:
        """Return the file of one picture `(H, W, C)`."""
        image = Image.fromarray(pixels[:, :, 0] if pixels.shape[2] == 1 else pixels)
        buffer = io.BytesIO()
        image.save(buffer, self._format, **self._options)
        return buffer.getvalue()
