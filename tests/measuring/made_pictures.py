"""Pictures made in code: smooth hills with a texture, different for every seed."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image


def hills(height: int = 168, width: int = 176, seed: int = 0) -> NDArray[np.uint8]:
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[0:height, 0:width] / 40.0
    waves = [
        np.sin(x * a + phase) * np.cos(y * b)
        for a, b, phase in rng.uniform(0.5, 3.0, (3, 3)).tolist()
    ]
    smooth = 128 + 60 * np.stack(waves, 2)
    return np.clip(smooth + rng.normal(0, 4, smooth.shape), 0, 255).astype(np.uint8)


def write_folder(folder: Path, count: int = 2, height: int = 168, width: int = 176) -> Path:
    """Write `count` pictures, the last one in a folder of its own, and a file that is none."""
    (folder / "below").mkdir(parents=True)
    for seed in range(count):
        where = folder / "below" if seed == count - 1 else folder
        Image.fromarray(hills(height, width, seed)).save(where / f"p{seed}.png")
    (folder / "notes.txt").write_text("not a picture")
    return folder
