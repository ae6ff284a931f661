"""The self-test of a model: its folder holds the file of a picture that is known."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from vqzip.codec.goal import psnr_db
from vqzip.errors import ModelError
from vqzip.models.abilities import Compresses
from vqzip.models.folder import SELF_TEST
from vqzip.pictures.picture import Picture

LEAST_DB = 18.0
"""All models reach more. A wrong code spoils the probabilities of all later ones, and thereby the picture."""


def self_test_picture() -> Picture:
    """Return a small computed picture: gradients, an edge, stripes."""
    rows, columns = np.mgrid[0:96, 0:128]
    red = rows * 2 + columns // 2
    green = np.where(columns > rows, 200, 60) + (rows // 4 % 2) * 20
    blue = (columns * columns // 64) % 256
    return Picture(np.stack([red, green, blue], 2).clip(0, 255).astype(np.uint8))


def run_self_test(codec: Compresses, folder: Path) -> float | None:
    """Decode the file in a model's folder, which another machine made.

    Args:
        codec: of the model.
        folder: of the model.

    Returns:
        The PSNR of the known picture in dB; None if the folder has no such file.

    Raises:
        InvalidFile: the file cannot be decoded.
        ModelError: another picture is decoded, so probabilities differ from those of the other machine.
    """
    file = folder / SELF_TEST
    if not file.is_file():
        return None
    known, decoded = self_test_picture(), codec.decode_picture(file.read_bytes())
    same_shape = decoded.pixels.shape == known.pixels.shape
    reached = psnr_db(known.pixels, decoded.pixels) if same_shape else 0.0
    if reached < LEAST_DB:
        raise ModelError(
            f"the self-test of the model in {folder} decodes to another picture ({reached:.1f} dB); install "
            "vqzip and the model again, and report it."
        )
    return reached
